//! LaTeX in the style of booktabs.

use super::{Cell, Kind, Table};

impl Table {
    /// A `tabular` with the rules of booktabs; numbers in `decimals` decimals, means with their errors. It goes into a
    /// `table` with a caption and a label of one's own.
    pub fn latex(&self, decimals: usize) -> String {
        let align: String = self
            .columns
            .iter()
            .map(|column| match column.kind {
                Kind::Text | Kind::Flag => 'l',
                Kind::Integer | Kind::Number | Kind::Estimate => 'r',
            })
            .collect();
        let line = |cells: Vec<String>| format!("{} \\\\\n", cells.join(" & "));
        let names = self.columns.iter().map(|column| escaped(&column.name));
        let mut out =
            format!("% \\usepackage{{booktabs}}\n\\begin{{tabular}}{{{align}}}\n\\toprule\n");
        out += &line(names.collect());
        out += "\\midrule\n";
        for row in &self.rows {
            out += &line(row.iter().map(|cell| words(cell, decimals)).collect());
        }
        out + "\\bottomrule\n\\end{tabular}\n"
    }
}

fn words(cell: &Cell, decimals: usize) -> String {
    let number = |value: f64| {
        if value.is_nan() {
            "\\mathrm{NaN}".to_owned()
        } else if value.is_infinite() {
            if value > 0.0 { "\\infty" } else { "-\\infty" }.to_owned()
        } else {
            format!("{value:.decimals$}")
        }
    };
    match cell {
        Cell::Empty => "--".to_owned(),
        Cell::Text(text) => escaped(text),
        Cell::Integer(value) => format!("${value}$"),
        Cell::Number(value) => format!("${}$", number(*value)),
        Cell::Flag(flag) => if *flag { "yes" } else { "no" }.to_owned(),
        Cell::Estimate(s) if s.n == 0 => "--".to_owned(),
        Cell::Estimate(s) if s.n == 1 => format!("${}$", number(s.mean)),
        Cell::Estimate(s) => format!("${} \\pm {}$", number(s.mean), number(s.se)),
    }
}

/// Text that means itself: neither a command, nor the argument of the line's end before it.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let command = match c {
            '\\' => "\\textbackslash{}",
            '~' => "\\textasciitilde{}",
            '^' => "\\textasciicircum{}",
            '<' => "\\textless{}",
            '>' => "\\textgreater{}",
            '|' => "\\textbar{}",
            '"' => "\\textquotedbl{}",
            '`' => "\\textasciigrave{}",
            '[' => "{[}",
            ']' => "{]}",
            '*' => "{*}",
            '−' => "$-$",
            '±' => "$\\pm$",
            '→' => "$\\rightarrow$",
            '≥' => "$\\geq$",
            '≤' => "$\\leq$",
            '×' => "$\\times$",
            '·' => "$\\cdot$",
            '∞' => "$\\infty$",
            'λ' => "$\\lambda$",
            'ω' => "$\\omega$",
            'ε' => "$\\varepsilon$",
            'Δ' => "$\\Delta$",
            '…' => "\\ldots{}",
            '–' => "--",
            '&' | '%' | '$' | '#' | '_' | '{' | '}' => {
                out.push('\\');
                out.push(c);
                continue;
            }
            c if c.is_control() => " ",
            c => {
                out.push(c);
                continue;
            }
        };
        out += command;
    }
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::table::Column;
    use crate::table::tests::hostile;

    #[test]
    fn text_means_itself() {
        assert_eq!(
            hostile().latex(2),
            "% \\usepackage{booktabs}\n\\begin{tabular}{lrrlr}\n\\toprule\n\
             =cmd\\textbar{}' /C calc'!A1 & n \\& 50\\%\\_of \\#1 & x & ok & helpful \\\\\n\\midrule\n\
             =1+1 & $3$ & $0.10$ & yes & $1.50 \\pm 0.50$ \\\\\n\
             {[}a{]} \\textquotedbl{}q\\textquotedbl{}, \\textbackslash{}end\\{tabular\\} \
             \\textasciitilde{}\\textasciicircum{}\\textless{}\\textgreater{}\\textbar{}\\textasciigrave{}\\$   & $-7$ & \
             $\\mathrm{NaN}$ & no & $2.50$ \\\\\n\
             -- & -- & $-\\infty$ & -- & -- \\\\\n\\bottomrule\n\\end{tabular}\n"
        );
    }

    proptest! {
        #[test]
        fn no_text_leaves_its_cell(text in any::<String>()) {
            let mut table = Table::new([Column::new("a", Kind::Text), Column::new("b", Kind::Text)]);
            table.push(vec![text.as_str().into(), "end".into()]).unwrap();
            let latex = table.latex(2);
            let row = latex.lines().nth(5).unwrap();
            prop_assert!(row.ends_with(" & end \\\\"), "{row}");
            // Without escaped characters: one separator, even braces, even dollars, no comment.
            let bare = row.replace("\\\\", "");
            let bare = ["\\&", "\\%", "\\$", "\\#", "\\_", "\\{", "\\}"]
                .iter()
                .fold(bare, |text, escape| text.replace(escape, ""));
            prop_assert_eq!(bare.matches('&').count(), 1);
            prop_assert_eq!(bare.matches('{').count(), bare.matches('}').count());
            prop_assert_eq!(bare.matches('$').count() % 2, 0);
            prop_assert!(!bare.contains(['%', '#', '_', '~', '^', '"', '`']), "{bare}");
        }
    }
}
