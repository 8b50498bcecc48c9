//! HTML while it is written. What comes from elsewhere has one way in, and that
//! way escapes; markup is only what stands in this program.

use std::fmt::Display;

use crate::base::html::escaped;

/// A document, or a part of one.
#[derive(Default)]
pub struct Html(String);

impl Html {
    /// Tags and the words between them. That they are static keeps out whatever
    /// was put together at run time.
    pub fn markup(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text, in an element or in a quoted attribute.
    pub fn text(&mut self, text: impl Display) -> &mut Self {
        self.0.push_str(&escaped(&text.to_string()));
        self
    }

    /// Text in `<code>`: something to type, or a word for machines.
    pub fn code(&mut self, text: impl Display) -> &mut Self {
        self.markup("<code>").text(text).markup("</code>")
    }

    pub fn finish(self) -> String {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_never_markup() {
        let mut html = Html::default();
        html.markup("<p title=\"").text("\"><b>'&").markup("\">").code("]]><script>").markup("</p>");
        let expected = "<p title=\"&quot;&gt;&lt;b&gt;&#39;&amp;\"><code>]]&gt;&lt;script&gt;</code></p>";
        assert_eq!(html.finish(), expected);
    }
}
