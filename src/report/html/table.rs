//! Tables that can be copied.

use super::escape;

/// Characters of a cell that are kept on a line.
const LONG: usize = 24;

/// A table with its heading. Cells are text; the unit of a column is in its head, so that what is
/// copied is numbers.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub title: String,
    heads: Vec<Head>,
    rows: Vec<Vec<Cell>>,
}

#[derive(Clone, Debug)]
struct Head {
    text: String,
    is_number: bool,
}

#[derive(Clone, Debug)]
enum Cell {
    Text(String),
    /// Ours, and what is copied of it.
    Markup(String, String),
}

impl Table {
    pub fn new(title: &str) -> Self {
        Self { title: title.to_owned(), ..Self::default() }
    }

    /// Columns of words.
    pub fn words(mut self, heads: &[&str]) -> Self {
        self.add_heads(heads, false);
        self
    }

    /// Columns of numbers.
    pub fn numbers(mut self, heads: &[&str]) -> Self {
        self.add_heads(heads, true);
        self
    }

    fn add_heads(&mut self, heads: &[&str], is_number: bool) {
        let head = |it: &&str| Head { text: (*it).to_owned(), is_number };
        self.heads.extend(heads.iter().map(head));
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().map(Cell::Text).collect());
    }

    /// A row of which some cells are markup: text for copying, then the markup.
    pub fn row_with(&mut self, cells: impl IntoIterator<Item = (String, Option<String>)>) {
        let cell = |(text, markup)| match markup {
            None => Cell::Text(text),
            Some(markup) => Cell::Markup(markup, text),
        };
        self.rows.push(cells.into_iter().map(cell).collect());
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// As markup. `class`: `stack` makes each row a block on phones.
    pub fn render(&self, class: &str) -> String {
        let mut out = format!(
            "<div class=\"scroll {class}\"><table class=\"plain {class}\"><caption>{} <button \
             type=\"button\" class=\"copy script\">copy as TSV</button></caption><thead><tr>",
            escape(&self.title)
        );
        for head in &self.heads {
            let class = if head.is_number { " class=\"number\"" } else { "" };
            out += &format!("<th scope=\"col\"{class}>{}</th>", escape(&head.text));
        }
        out += "</tr></thead><tbody>";
        for row in &self.rows {
            out += "<tr>";
            for (head, cell) in self.heads.iter().zip(row) {
                out += "<td";
                let is_long = matches!(cell, Cell::Text(text) if text.chars().count() > LONG);
                if head.is_number && !is_long {
                    out += " class=\"number\"";
                } else if is_long {
                    out += " class=\"long\"";
                }
                if class == "stack" {
                    out += &format!(" data-head=\"{}\"", escape(&head.text));
                }
                out += &match cell {
                    Cell::Text(text) => format!(">{}</td>", escape(text)),
                    Cell::Markup(markup, text) => {
                        format!(" data-copy=\"{}\">{markup}</td>", escape(text))
                    }
                };
            }
            out += "</tr>";
        }
        out + "</tbody></table></div>"
    }

    /// Folded away, below what it is about.
    pub fn folded(&self) -> String {
        format!(
            "<details class=\"figures\"><summary>{}</summary>{}</details>",
            escape(&self.title),
            self.render("")
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_text_and_what_is_not_says_what_is_copied() {
        let mut table = Table::new("a & b").words(&["<w>"]).numbers(&["n"]);
        table.row(["<b>".to_owned(), "1".to_owned()]);
        table.row_with([("x\"y".to_owned(), Some("<i>z</i>".to_owned())), ("2".to_owned(), None)]);
        assert_eq!(
            table.render("stack"),
            "<div class=\"scroll stack\"><table class=\"plain stack\"><caption>a &amp; b <button \
             type=\"button\" class=\"copy script\">copy as TSV</button></caption><thead><tr><th \
             scope=\"col\">&lt;w&gt;</th><th scope=\"col\" class=\"number\">n</th></tr></thead>\
             <tbody><tr><td data-head=\"&lt;w&gt;\">&lt;b&gt;</td><td class=\"number\" \
             data-head=\"n\">1</td></tr><tr><td data-head=\"&lt;w&gt;\" \
             data-copy=\"x&quot;y\"><i>z</i></td><td class=\"number\" data-head=\"n\">2</td></tr>\
             </tbody></table></div>"
        );
    }
}
