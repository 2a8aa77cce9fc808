//! `/etc/fstab`.

use failure::{Change, Error, changed, lacks_systemd};
use host_files::texts;

use crate::exports::minion::mount::mount::{Entry, Mounted, Wish};

const PATH: &str = "/etc/fstab";

/// A line that says what is mounted where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) source: String,
    pub(crate) path: String,
    pub(crate) kind: String,
    pub(crate) options: Vec<String>,
    dump: u32,
    pass: u32,
}

/// Its text; none where the host has none.
pub(crate) fn read() -> Result<Option<String>, Error> {
    texts::exact(PATH)
}

/// The lines of a text.
pub(crate) fn lines(text: &str) -> impl Iterator<Item = Line> + '_ {
    text.lines().filter_map(Line::read)
}

impl Line {
    /// A line; nothing for a comment and for what is none.
    fn read(line: &str) -> Option<Self> {
        let mut fields = line.split([' ', '\t', '\r']).filter(|field| !field.is_empty());
        let source = fields.next().filter(|first| !first.starts_with('#'))?;
        let (path, kind) = (decoded(fields.next()?), fields.next()?);
        let options = fields.next().unwrap_or("defaults").split(',').map(decoded).collect();
        let mut number = || fields.next().and_then(|number| number.parse().ok()).unwrap_or(0);
        Some(Self {
            source: decoded(source),
            path: if path.starts_with('/') { plain(&path) } else { path },
            kind: kind.to_owned(),
            options,
            dump: number(),
            pass: number(),
        })
    }

    fn of(wish: &Wish) -> Self {
        let options = wish.options.clone().filter(|options| !options.is_empty());
        Self {
            source: wish.source.clone(),
            path: wish.path.clone(),
            kind: wish.kind.clone(),
            options: options.unwrap_or_else(|| vec!["defaults".to_owned()]),
            dump: wish.dump.unwrap_or(0),
            pass: wish.pass.unwrap_or(0),
        }
    }

    fn text(&self) -> String {
        let (source, path) = (encoded(&self.source), encoded(&self.path));
        let options = self.options.join(",");
        format!("{source} {path} {} {options} {} {}\n", self.kind, self.dump, self.pass)
    }

    /// As operators see it.
    pub(crate) fn entry(self, mounted: &[Mounted]) -> Entry {
        Entry {
            mounted: mounted.iter().any(|there| there.path == self.path),
            path: self.path,
            source: self.source,
            kind: self.kind,
            options: self.options,
            dump: self.dump,
            pass: self.pass,
        }
    }
}

/// Sees to it that there is this line for its path, and no other.
pub(crate) fn ensure(wish: &Wish) -> Result<Change, Error> {
    let (text, line) = (read()?, Line::of(wish));
    let there: Vec<Line> =
        lines(text.as_deref().unwrap_or_default()).filter(|it| it.path == line.path).collect();
    if there == [line.clone()] {
        return Ok(changed(Vec::new()));
    }
    let new = with(text.as_deref().unwrap_or_default(), &line.path, Some(&line));
    write(new, text.is_some())?;
    Ok(changed(vec![format!("wrote the line for {}: {}", line.path, line.text().trim_end())]))
}

/// Sees to it that there is no line for a path.
pub(crate) fn remove(path: &str) -> Result<Change, Error> {
    let Some(text) = read()? else { return Ok(changed(Vec::new())) };
    if !lines(&text).any(|line| line.path == path) {
        return Ok(changed(Vec::new()));
    }
    write(with(&text, path, None), true)?;
    Ok(changed(vec![format!("took the line for {path} out")]))
}

/// A text with this line for a path, in the place of the first that there was, or with none.
fn with(text: &str, path: &str, line: Option<&Line>) -> String {
    let is_meant =
        |there: &str| Line::read(there.trim_end_matches('\n')).is_some_and(|line| line.path == path);
    texts::with_line(text, is_meant, line.map(Line::text))
}

fn write(text: String, is_there: bool) -> Result<(), Error> {
    texts::replace(PATH, text, is_there)?;
    // Systemd makes units of the lines, and goes by the old ones until it is told.
    match failure::change(&["systemctl", "--no-pager", "daemon-reload"]) {
        Err(error) if !lacks_systemd(&error) => Err(error),
        _ => Ok(()),
    }
}

/// A field, in which what would end it is written in octal digits.
fn decoded(field: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = field.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let octal = || {
            let digits = std::str::from_utf8(after.get(..3)?).ok()?;
            u8::from_str_radix(digits, 8).ok()
        };
        match octal().filter(|_| first == b'\\') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[3..];
            }
            None => {
                bytes.push(first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn encoded(text: &str) -> String {
    text.replace('\\', "\\134").replace(' ', "\\040").replace('\t', "\\011").replace('#', "\\043")
}

/// A path without what says nothing: `/srv//data/` is `/srv/data`.
pub(crate) fn plain(path: &str) -> String {
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty() && *step != ".").collect();
    format!("/{}", steps.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "# <file system>\nUUID=1234 / ext4 errors=remount-ro 0 1\n/dev/sdb1\t/srv/my\\040data/ xfs\n\
                        \n/swap none swap sw 0 0";

    fn wish(path: &str) -> Wish {
        let (source, kind) = ("LABEL=data".to_owned(), "ext4".to_owned());
        Wish { path: path.to_owned(), source, kind, options: None, dump: None, pass: Some(2) }
    }

    #[test]
    fn lines_are_read_with_what_they_leave_out() {
        let found: Vec<Line> = lines(TEXT).collect();
        let shown: Vec<_> = found.iter().map(|it| (it.path.as_str(), it.kind.as_str(), it.pass)).collect();
        assert_eq!(shown, [("/", "ext4", 1), ("/srv/my data", "xfs", 0), ("none", "swap", 0)]);
        assert_eq!(found[1].options, ["defaults"]);
    }

    #[test]
    fn a_place_has_one_line_and_all_others_stay() {
        let line = Line::of(&wish("/srv/my data"));
        let new = with(TEXT, &line.path, Some(&line));
        assert_eq!(
            new,
            TEXT.replace("/dev/sdb1\t/srv/my\\040data/ xfs", "LABEL=data /srv/my\\040data ext4 defaults 0 2")
        );
        assert_eq!(lines(&new).filter(|it| *it == line).count(), 1);
        assert_eq!(with(&new, &line.path, Some(&line)), new);
        let other = Line::of(&wish("/srv/other"));
        assert_eq!(with("a /a b", "/srv/other", Some(&other)), format!("a /a b\n{}", other.text()));
        assert_eq!(with(&new, "/srv/my data", None), TEXT.replace("/dev/sdb1\t/srv/my\\040data/ xfs\n", ""));
    }

    #[test]
    fn blanks_are_written_in_digits() {
        for text in ["/a b", "/a\\b", "/a#b", "/ü"] {
            assert!(!encoded(text).contains([' ', '#']));
            assert_eq!(decoded(&encoded(text)), text);
        }
    }
}
