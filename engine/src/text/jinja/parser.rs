//! Tokens to a template, by Jinja's grammar: its tags; expressions are read by [`super::expressions`]. Recursion is bounded by [`DEEPEST`].

use std::sync::Arc;

use super::ast::{Expr, For, Kind, Macro, Statement, Target};
use super::lexer::{Token, tokens};

/// Expressions and blocks that may stand within each other.
const DEEPEST: usize = 200;
/// Operators, calls and filters in one tag.
const LONGEST_CHAIN: usize = 1000;

/// Parses a whole template.
pub(super) fn parse(source: &str) -> Result<Vec<Statement>, String> {
    let mut parser = Parser {
        tokens: tokens(source)?,
        at: 0,
        depth: 0,
        chain: 0,
        names: Vec::new(),
    };
    let body = parser.statements(&[])?;
    match parser.peek() {
        Token::End => Ok(body),
        _ => parser.wrong("a tag that ends nothing"),
    }
}

pub(super) struct Parser {
    pub(super) tokens: Vec<(usize, Token)>,
    pub(super) at: usize,
    depth: usize,
    /// Operators, calls and filters of the tag at hand: each may make its tree one level deeper.
    chain: usize,
    /// Names that were read, to know what a macro uses.
    pub(super) names: Vec<String>,
}

pub(super) type Parsed<T> = Result<T, String>;

impl Parser {
    pub(super) fn peek(&self) -> &Token {
        self.tokens.get(self.at).map_or(&Token::End, |(_, t)| t)
    }

    fn line(&self) -> usize {
        let at = self.at.min(self.tokens.len().saturating_sub(1));
        self.tokens.get(at).map_or(1, |(line, _)| *line)
    }

    pub(super) fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    pub(super) fn wrong<T>(&self, problem: &str) -> Parsed<T> {
        Err(format!("line {}: {problem}", self.line()))
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        matches!(self.peek(), Token::Sign(s) if *s == sign)
    }

    pub(super) fn is_name(&self, name: &str) -> bool {
        matches!(self.peek(), Token::Name(n) if n == name)
    }

    pub(super) fn skip_sign(&mut self, sign: &str) -> bool {
        let found = self.is_sign(sign);
        self.at += usize::from(found);
        found
    }

    pub(super) fn skip_name(&mut self, name: &str) -> bool {
        let found = self.is_name(name);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_sign(&mut self, sign: &str) -> Parsed<()> {
        if self.skip_sign(sign) {
            Ok(())
        } else {
            self.unexpected(&format!("`{sign}`"))
        }
    }

    fn expect_tag_end(&mut self) -> Parsed<()> {
        if matches!(self.peek(), Token::TagEnd) {
            self.at += 1;
            Ok(())
        } else {
            self.unexpected("`%}`")
        }
    }

    pub(super) fn unexpected<T>(&self, wanted: &str) -> Parsed<T> {
        let found = match self.peek() {
            Token::Name(name) => format!("`{name}`"),
            Token::Sign(sign) => format!("`{sign}`"),
            Token::Str(_) => "a string".to_owned(),
            Token::Int(_) | Token::Float(_) => "a number".to_owned(),
            Token::End => "the end of the template".to_owned(),
            _ => "the end of the tag".to_owned(),
        };
        self.wrong(&format!("expected {wanted}, found {found}"))
    }

    pub(super) fn name(&mut self) -> Parsed<String> {
        match self.peek() {
            Token::Name(name) => {
                let name = name.clone();
                self.at += 1;
                Ok(name)
            }
            _ => self.unexpected("a name"),
        }
    }

    /// Runs a part of the grammar one level deeper.
    pub(super) fn deeper<T>(&mut self, part: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.depth >= DEEPEST {
            return self.wrong(&format!("more than {DEEPEST} parts within each other"));
        }
        self.depth += 1;
        let parsed = part(self);
        self.depth -= 1;
        parsed
    }

    /// Counts an operator, which makes what stands before it one level deeper.
    pub(super) fn lean(&mut self) -> Parsed<()> {
        self.chain += 1;
        if self.chain > LONGEST_CHAIN {
            return self.wrong(&format!("more than {LONGEST_CHAIN} operators in one tag"));
        }
        Ok(())
    }

    // Statements.

    /// Statements up to a tag of one of `ends`, which stays to be read (its name is next).
    fn statements(&mut self, ends: &[&str]) -> Parsed<Vec<Statement>> {
        self.deeper(|parser| {
            let mut body = Vec::new();
            loop {
                let line = parser.line();
                let kind = match parser.next() {
                    Token::Text(text) => Kind::Text(text),
                    Token::EmitBegin => {
                        parser.chain = 0;
                        let expr = parser.tuple(true)?;
                        match parser.next() {
                            Token::EmitEnd => Kind::Emit(expr),
                            _ => {
                                parser.at -= 1;
                                return parser.unexpected("`}}`");
                            }
                        }
                    }
                    Token::TagBegin => {
                        if ends.iter().any(|end| parser.is_name(end)) {
                            return Ok(body);
                        }
                        parser.chain = 0;
                        parser.tag()?
                    }
                    Token::End if ends.is_empty() => {
                        parser.at -= 1;
                        return Ok(body);
                    }
                    Token::End => {
                        parser.at -= 1;
                        let wanted = ends.join("` or `");
                        return parser.wrong(&format!("`{wanted}` is missing at the end"));
                    }
                    _ => {
                        parser.at -= 1;
                        return parser.unexpected("text or a tag");
                    }
                };
                body.push(Statement { line, kind });
            }
        })
    }

    /// Statements up to `end`, with that tag.
    fn body(&mut self, end: &str) -> Parsed<Vec<Statement>> {
        let body = self.statements(&[end])?;
        self.at += 1;
        Ok(body)
    }

    fn tag(&mut self) -> Parsed<Kind> {
        let name = self.name()?;
        let kind = match name.as_str() {
            "if" => return self.condition(),
            "for" => self.repetition()?,
            "set" => self.assignment()?,
            "macro" => {
                let name = self.name()?;
                let parameters = self.signature()?;
                self.expect_tag_end()?;
                Kind::Macro(self.macro_of(name, parameters, "endmacro")?)
            }
            "call" => {
                let parameters = if self.is_sign("(") {
                    self.signature()?
                } else {
                    Vec::new()
                };
                let called = self.expression()?;
                self.expect_tag_end()?;
                let Expr::Call(function, arguments) = called else {
                    return self.wrong("expected a call");
                };
                let caller = self.macro_of("caller".to_owned(), parameters, "endcall")?;
                Kind::CallBlock(caller, function, arguments)
            }
            "filter" => {
                let filter = self.filters(None, true)?;
                self.expect_tag_end()?;
                Kind::FilterBlock(filter, self.body("endfilter")?)
            }
            "with" => {
                let mut values = Vec::new();
                while !matches!(self.peek(), Token::TagEnd) {
                    if !values.is_empty() {
                        self.expect_sign(",")?;
                    }
                    let target = self.target(false)?;
                    self.expect_sign("=")?;
                    values.push((target, self.expression()?));
                }
                self.at += 1;
                Kind::With(values, self.body("endwith")?)
            }
            "generation" => {
                self.expect_tag_end()?;
                Kind::Scope(self.body("endgeneration")?)
            }
            "block" => {
                let block = self.name()?;
                while self.skip_name("scoped") || self.skip_name("required") {}
                self.expect_tag_end()?;
                let body = self.body("endblock")?;
                self.skip_name(&block);
                Kind::Scope(body)
            }
            "break" => Kind::Break,
            "continue" => Kind::Continue,
            "print" => Kind::Emit(self.tuple(true)?),
            "include" | "import" | "from" | "extends" => {
                return self.wrong(&format!(
                    "`{name}` names another template, of which a model has none"
                ));
            }
            "autoescape" => return self.wrong("`autoescape` is not supported"),
            _ => return self.wrong(&format!("unknown tag `{name}`")),
        };
        self.expect_tag_end()?;
        Ok(kind)
    }

    fn condition(&mut self) -> Parsed<Kind> {
        let mut cases = Vec::new();
        loop {
            let condition = self.tuple(false)?;
            self.expect_tag_end()?;
            cases.push((condition, self.statements(&["elif", "else", "endif"])?));
            match self.name()?.as_str() {
                "elif" => {}
                "else" => {
                    self.expect_tag_end()?;
                    let otherwise = self.body("endif")?;
                    self.expect_tag_end()?;
                    return Ok(Kind::If(cases, otherwise));
                }
                _ => {
                    self.expect_tag_end()?;
                    return Ok(Kind::If(cases, Vec::new()));
                }
            }
        }
    }

    fn repetition(&mut self) -> Parsed<Kind> {
        let target = self.targets()?;
        if !self.skip_name("in") {
            return self.unexpected("`in`");
        }
        let iterated = self.tuple(false)?;
        let condition = if self.skip_name("if") {
            Some(self.expression()?)
        } else {
            None
        };
        let recursive = self.skip_name("recursive");
        self.expect_tag_end()?;
        let body = self.statements(&["endfor", "else"])?;
        let otherwise = if self.skip_name("else") {
            self.expect_tag_end()?;
            self.body("endfor")?
        } else {
            self.at += 1;
            Vec::new()
        };
        Ok(Kind::For(Arc::new(For {
            target,
            iterated,
            condition,
            recursive,
            body,
            otherwise,
        })))
    }

    fn assignment(&mut self) -> Parsed<Kind> {
        let target = self.targets()?;
        if self.skip_sign("=") {
            return Ok(Kind::Set(target, self.tuple(true)?));
        }
        let filter = if self.is_sign("|") {
            Some(self.filters(None, false)?)
        } else {
            None
        };
        self.expect_tag_end()?;
        Ok(Kind::SetBlock(target, filter, self.body("endset")?))
    }

    /// `a, b` of a `for` or `set`.
    fn targets(&mut self) -> Parsed<Target> {
        let first = self.target(true)?;
        if !self.is_sign(",") {
            return Ok(first);
        }
        let mut all = vec![first];
        while self.skip_sign(",") {
            if !matches!(self.peek(), Token::Name(_) | Token::Sign("(")) || self.is_name("in") {
                break;
            }
            all.push(self.target(true)?);
        }
        Ok(Target::Tuple(all))
    }

    fn target(&mut self, attributes: bool) -> Parsed<Target> {
        if self.is_sign("(") {
            self.at += 1;
            let inner = self.deeper(Self::targets)?;
            self.expect_sign(")")?;
            return Ok(inner);
        }
        let name = self.name()?;
        if matches!(
            name.as_str(),
            "true" | "false" | "none" | "True" | "False" | "None"
        ) {
            return self.wrong(&format!("`{name}` cannot be assigned to"));
        }
        if attributes && self.skip_sign(".") {
            return Ok(Target::Attribute(name, self.name()?));
        }
        Ok(Target::Name(name))
    }

    fn signature(&mut self) -> Parsed<Vec<(String, Option<Expr>)>> {
        self.expect_sign("(")?;
        let mut parameters: Vec<(String, Option<Expr>)> = Vec::new();
        while !self.skip_sign(")") {
            if !parameters.is_empty() {
                self.expect_sign(",")?;
                if self.skip_sign(")") {
                    break;
                }
            }
            let name = self.name()?;
            let default = if self.skip_sign("=") {
                Some(self.expression()?)
            } else {
                None
            };
            if default.is_none() && parameters.last().is_some_and(|(_, d)| d.is_some()) {
                return self.wrong("a parameter without default follows one with");
            }
            parameters.push((name, default));
        }
        Ok(parameters)
    }

    fn macro_of(
        &mut self,
        name: String,
        parameters: Vec<(String, Option<Expr>)>,
        end: &str,
    ) -> Parsed<Arc<Macro>> {
        let outer = std::mem::take(&mut self.names);
        let body = self.body(end)?;
        let uses = |name: &str| {
            self.names.iter().any(|n| n == name) && !parameters.iter().any(|(p, _)| p == name)
        };
        let made = Macro {
            uses_varargs: uses("varargs"),
            uses_kwargs: uses("kwargs"),
            uses_caller: self.names.iter().any(|n| n == "caller"),
            name,
            parameters,
            body,
        };
        self.names.extend(outer);
        Ok(Arc::new(made))
    }
}
