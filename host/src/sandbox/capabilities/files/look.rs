//! How a guest looks at the thing at a path.

/// What a guest wants to do with the thing at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Look at the thing itself, even where it is a link.
    Itself,
    /// Look at the thing, or where it is a link at what that leads to.
    Followed,
    /// Write to the thing, or where it is a link to what that leads to.
    Written,
}

impl Look {
    /// A look that follows links where `follows` says so.
    pub(super) fn of(follows: bool) -> Self {
        if follows { Look::Followed } else { Look::Itself }
    }
}
