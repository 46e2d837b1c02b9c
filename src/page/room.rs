//! The room that a page has for words from data, shared out fairly: attackers' words may be long and many.

/// Bytes of a page that the findings' words may take.
pub(super) const ROOM: usize = 8 << 20;

/// What a text takes in HTML: five bytes for a character that is escaped.
pub(super) fn size(text: &str) -> usize {
    text.chars().map(size_of_char).sum()
}

fn size_of_char(c: char) -> usize {
    match c {
        '<' | '>' | '&' | '"' | '\'' => 5,
        c => c.len_utf8(),
    }
}

/// The most that each of these sizes may be, so that all of them together fit: what is smaller leaves its rest to others.
pub(super) fn fair_share(mut sizes: Vec<usize>, room: usize) -> usize {
    sizes.sort_unstable();
    let mut left = room;
    for (index, size) in sizes.iter().enumerate() {
        let share = left / (sizes.len() - index);
        if *size > share {
            return share;
        }
        left -= size;
    }
    usize::MAX
}

/// Cuts off what does not fit; an ellipsis, which needs room too, tells of it.
pub(super) fn fit(text: &mut String, room: usize) {
    if size(text) <= room {
        return;
    }
    let mut used = '…'.len_utf8();
    let end = text.char_indices().find(|(_, c)| {
        used += size_of_char(*c);
        used > room
    });
    text.truncate(end.map_or(0, |(end, _)| end));
    text.push('…');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_small_leaves_its_rest_to_what_is_large() {
        // 10 and 20 are whole; 70 are left for two.
        assert_eq!(fair_share(vec![500, 10, 400, 20], 100), 35);
        assert_eq!(fair_share(vec![10, 20], 30), usize::MAX);
        assert_eq!(fair_share(Vec::new(), 0), usize::MAX);
    }

    #[test]
    fn a_text_that_does_not_fit_loses_its_end_and_says_so() {
        let cut = |text: &str, room: usize| {
            let mut text = text.to_owned();
            fit(&mut text, room);
            text
        };
        assert_eq!(cut("abcdef", 6), "abcdef");
        assert_eq!(cut("abcdef", 5), "ab…");
        assert_eq!(cut("<<é>", 10), "<…"); // 5 bytes as `&#60;`, 3 for the ellipsis
        assert_eq!(cut("abcdef", 0), "…");
    }
}
