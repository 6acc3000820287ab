//! Expressions of a template, from the loosest to the tightest; [`super::parser`] reads the tags around them.

use super::ast::{Arguments, Comparison, Expr, Literal, Operator};
use super::lexer::Token;
use super::parser::{Parsed, Parser};

impl Parser {
    /// An expression, or several with commas between them.
    pub(super) fn tuple(&mut self, choices: bool) -> Parsed<Expr> {
        let first = self.deeper(|p| if choices { p.choice() } else { p.or() })?;
        if !self.is_sign(",") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.skip_sign(",") {
            let ends = match self.peek() {
                Token::Sign(")") | Token::EmitEnd | Token::TagEnd => true,
                Token::Name(name) => name == "in" || name == "recursive",
                _ => false,
            };
            if ends {
                break;
            }
            all.push(self.deeper(|p| if choices { p.choice() } else { p.or() })?);
        }
        Ok(Expr::Tuple(all))
    }

    pub(super) fn expression(&mut self) -> Parsed<Expr> {
        self.deeper(Self::choice)
    }

    fn choice(&mut self) -> Parsed<Expr> {
        let mut value = self.or()?;
        while self.skip_name("if") {
            self.lean()?;
            let condition = self.or()?;
            let otherwise = if self.skip_name("else") {
                Some(Box::new(self.deeper(Self::choice)?))
            } else {
                None
            };
            value = Expr::Choice(Box::new(condition), Box::new(value), otherwise);
        }
        Ok(value)
    }

    fn or(&mut self) -> Parsed<Expr> {
        let mut left = self.and()?;
        while self.skip_name("or") {
            self.lean()?;
            left = Expr::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Parsed<Expr> {
        let mut left = self.not()?;
        while self.skip_name("and") {
            self.lean()?;
            left = Expr::And(Box::new(left), Box::new(self.not()?));
        }
        Ok(left)
    }

    fn not(&mut self) -> Parsed<Expr> {
        if self.skip_name("not") {
            return Ok(Expr::Not(Box::new(self.deeper(Self::not)?)));
        }
        self.compare()
    }

    fn compare(&mut self) -> Parsed<Expr> {
        let first = self.sum()?;
        let mut rest = Vec::new();
        loop {
            let how = match self.peek() {
                Token::Sign("==") => Comparison::Equal,
                Token::Sign("!=") => Comparison::NotEqual,
                Token::Sign("<") => Comparison::Less,
                Token::Sign("<=") => Comparison::LessEqual,
                Token::Sign(">") => Comparison::Greater,
                Token::Sign(">=") => Comparison::GreaterEqual,
                Token::Name(name) if name == "in" => Comparison::In,
                Token::Name(name) if name == "not" => {
                    match self.tokens.get(self.at + 1) {
                        Some((_, Token::Name(next))) if next == "in" => self.at += 1,
                        _ => break,
                    }
                    Comparison::NotIn
                }
                _ => break,
            };
            self.at += 1;
            rest.push((how, self.sum()?));
        }
        Ok(if rest.is_empty() {
            first
        } else {
            Expr::Compare(Box::new(first), rest)
        })
    }

    fn binary(
        &mut self,
        signs: &[(&str, Operator)],
        part: fn(&mut Self) -> Parsed<Expr>,
    ) -> Parsed<Expr> {
        let mut left = part(self)?;
        while let Some((_, operator)) = signs.iter().find(|(sign, _)| self.is_sign(sign)) {
            self.at += 1;
            self.lean()?;
            left = Expr::Binary(*operator, Box::new(left), Box::new(part(self)?));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Parsed<Expr> {
        let signs = [("+", Operator::Add), ("-", Operator::Subtract)];
        self.binary(&signs, Self::concat)
    }

    fn concat(&mut self) -> Parsed<Expr> {
        let first = self.product()?;
        if !self.is_sign("~") {
            return Ok(first);
        }
        let mut parts = vec![first];
        while self.skip_sign("~") {
            parts.push(self.product()?);
        }
        Ok(Expr::Concat(parts))
    }

    fn product(&mut self) -> Parsed<Expr> {
        let signs = [
            ("*", Operator::Multiply),
            ("/", Operator::Divide),
            ("//", Operator::FloorDivide),
            ("%", Operator::Modulo),
        ];
        self.binary(&signs, Self::power)
    }

    fn power(&mut self) -> Parsed<Expr> {
        self.binary(&[("**", Operator::Power)], |parser| parser.unary(true))
    }

    fn unary(&mut self, filtered: bool) -> Parsed<Expr> {
        let node = if self.skip_sign("-") {
            Expr::Negative(Box::new(self.deeper(|p| p.unary(false))?))
        } else if self.skip_sign("+") {
            Expr::Positive(Box::new(self.deeper(|p| p.unary(false))?))
        } else {
            self.primary()?
        };
        let node = self.postfix(node)?;
        if filtered {
            self.filtered(node)
        } else {
            Ok(node)
        }
    }

    fn primary(&mut self) -> Parsed<Expr> {
        Ok(match self.next() {
            Token::Name(name) => match name.as_str() {
                "true" | "True" => Expr::Literal(Literal::Bool(true)),
                "false" | "False" => Expr::Literal(Literal::Bool(false)),
                "none" | "None" => Expr::Literal(Literal::None),
                _ => {
                    self.names.push(name.clone());
                    Expr::Name(name)
                }
            },
            Token::Str(mut text) => {
                while let Token::Str(more) = self.peek() {
                    text.push_str(more);
                    self.at += 1;
                }
                Expr::Literal(Literal::Str(text))
            }
            Token::Int(whole) => Expr::Literal(Literal::Int(whole)),
            Token::Float(number) => Expr::Literal(Literal::Float(number)),
            Token::Sign("(") => {
                if self.skip_sign(")") {
                    return Ok(Expr::Tuple(Vec::new()));
                }
                let inner = self.deeper(|p| p.tuple(true))?;
                self.expect_sign(")")?;
                inner
            }
            Token::Sign("[") => {
                let mut items = Vec::new();
                while !self.skip_sign("]") {
                    if !items.is_empty() {
                        self.expect_sign(",")?;
                        if self.skip_sign("]") {
                            break;
                        }
                    }
                    items.push(self.expression()?);
                }
                Expr::List(items)
            }
            Token::Sign("{") => {
                let mut pairs = Vec::new();
                while !self.skip_sign("}") {
                    if !pairs.is_empty() {
                        self.expect_sign(",")?;
                        if self.skip_sign("}") {
                            break;
                        }
                    }
                    let key = self.expression()?;
                    self.expect_sign(":")?;
                    pairs.push((key, self.expression()?));
                }
                Expr::Dict(pairs)
            }
            _ => {
                self.at -= 1;
                return self.unexpected("an expression");
            }
        })
    }

    fn postfix(&mut self, mut node: Expr) -> Parsed<Expr> {
        loop {
            if self.skip_sign(".") {
                self.lean()?;
                node = match self.next() {
                    Token::Name(name) => Expr::Attribute(Box::new(node), name),
                    Token::Int(index) => {
                        let index = Expr::Literal(Literal::Int(index));
                        Expr::Item(Box::new(node), Box::new(index))
                    }
                    _ => {
                        self.at -= 1;
                        return self.unexpected("a name or a number");
                    }
                };
            } else if self.skip_sign("[") {
                self.lean()?;
                node = self.subscript(node)?;
            } else if self.is_sign("(") {
                self.lean()?;
                node = Expr::Call(Box::new(node), self.arguments()?);
            } else {
                return Ok(node);
            }
        }
    }

    fn subscript(&mut self, node: Expr) -> Parsed<Expr> {
        let mut parts: [Option<Box<Expr>>; 3] = [None, None, None];
        let mut part = 0;
        loop {
            if self.skip_sign("]") {
                break;
            }
            if self.skip_sign(":") {
                part += 1;
                if part > 2 {
                    return self.wrong("a slice has three parts at most");
                }
            } else if parts[part].is_none() {
                parts[part] = Some(Box::new(self.expression()?));
            } else if self.is_sign(",") && part == 0 {
                let mut all: Vec<Expr> = parts[0].take().map(|first| *first).into_iter().collect();
                while self.skip_sign(",") {
                    all.push(self.expression()?);
                }
                parts[0] = Some(Box::new(Expr::Tuple(all)));
            } else {
                return self.unexpected("`]`");
            }
        }
        match (part, parts) {
            (0, [Some(key), ..]) => Ok(Expr::Item(Box::new(node), key)),
            (0, _) => self.unexpected("an index"),
            (_, parts) => Ok(Expr::Slice(Box::new(node), parts)),
        }
    }

    fn arguments(&mut self) -> Parsed<Arguments> {
        self.expect_sign("(")?;
        let mut arguments = Arguments::default();
        let mut first = true;
        while !self.skip_sign(")") {
            if !first {
                self.expect_sign(",")?;
                if self.skip_sign(")") {
                    break;
                }
            }
            first = false;
            if self.skip_sign("*") {
                arguments.spread = Some(Box::new(self.expression()?));
                continue;
            }
            if self.skip_sign("**") {
                arguments.spread_named = Some(Box::new(self.expression()?));
                continue;
            }
            let named = match (self.peek(), self.tokens.get(self.at + 1)) {
                (Token::Name(name), Some((_, Token::Sign("=")))) => Some(name.clone()),
                _ => None,
            };
            match named {
                Some(name) => {
                    self.at += 2;
                    arguments.named.push((name, self.expression()?));
                }
                None if arguments.named.is_empty() && arguments.spread_named.is_none() => {
                    arguments.positional.push(self.expression()?);
                }
                None => return self.wrong("an argument without name follows one with"),
            }
        }
        Ok(arguments)
    }

    /// Filters, tests and calls behind an expression.
    fn filtered(&mut self, mut node: Expr) -> Parsed<Expr> {
        loop {
            if self.is_sign("|") {
                node = self.filters(Some(node), false)?;
            } else if self.skip_name("is") {
                self.lean()?;
                node = self.test(node)?;
            } else if self.is_sign("(") {
                self.lean()?;
                node = Expr::Call(Box::new(node), self.arguments()?);
            } else {
                return Ok(node);
            }
        }
    }

    fn dotted(&mut self) -> Parsed<String> {
        let mut name = self.name()?;
        while self.skip_sign(".") {
            name = format!("{name}.{}", self.name()?);
        }
        Ok(name)
    }

    /// `| a | b`; without the first bar where `inline`.
    pub(super) fn filters(&mut self, node: Option<Expr>, inline: bool) -> Parsed<Expr> {
        let mut node = node;
        let mut inline = inline;
        while inline || self.skip_sign("|") {
            inline = false;
            self.lean()?;
            let name = self.dotted()?;
            let arguments = if self.is_sign("(") {
                self.arguments()?
            } else {
                Arguments::default()
            };
            node = Some(Expr::Filter(node.map(Box::new), name, arguments));
        }
        match node {
            Some(node) => Ok(node),
            None => self.unexpected("a filter"),
        }
    }

    fn test(&mut self, node: Expr) -> Parsed<Expr> {
        let negated = self.skip_name("not");
        let name = self.dotted()?;
        let mut arguments = Arguments::default();
        let begins = match self.peek() {
            Token::Name(name) => !matches!(name.as_str(), "else" | "or" | "and"),
            Token::Str(_) | Token::Int(_) | Token::Float(_) => true,
            Token::Sign(sign) => matches!(*sign, "[" | "{"),
            _ => false,
        };
        if self.is_sign("(") {
            arguments = self.arguments()?;
        } else if begins && self.is_name("is") {
            return self.wrong("tests cannot be chained with `is`");
        } else if begins && !self.is_name("if") && !self.is_name("in") && !self.is_name("not") {
            let argument = self.primary()?;
            arguments.positional.push(self.postfix(argument)?);
        }
        let test = Expr::Test(Box::new(node), name, arguments);
        Ok(if negated {
            Expr::Not(Box::new(test))
        } else {
            test
        })
    }
}
