//! Packages of interfaces, and which versions of them the host has.

/// A package that the host has.
pub(in crate::sandbox) struct Package {
    /// `minion:log`
    pub(in crate::sandbox) name: &'static str,
    /// Its interfaces: `log`
    pub(in crate::sandbox) interfaces: &'static [&'static str],
    /// The version of it that there is.
    pub(in crate::sandbox) version: PackageVersion,
}

/// An interface as a component names it: `minion:log/log@0.1.0`.
pub(in crate::sandbox) struct Interface<'a> {
    /// `minion:log`
    pub(in crate::sandbox) package: &'a str,
    /// `log`
    pub(in crate::sandbox) name: &'a str,
    /// `None` where there is none, or one that is not three numbers: such versions match nothing.
    pub(in crate::sandbox) version: Option<PackageVersion>,
}

/// A version without a pre-release, since those only ever match themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::sandbox) struct PackageVersion {
    major: u64,
    minor: u64,
    patch: u64,
}

impl Package {
    /// A package of ours, with its interfaces.
    pub(in crate::sandbox) const fn ours(name: &'static str, interfaces: &'static [&'static str]) -> Self {
        Self { name, interfaces, version: PackageVersion::OURS }
    }

    /// A package of WASI 0.2.
    pub(in crate::sandbox) const fn wasi(name: &'static str, interfaces: &'static [&'static str]) -> Self {
        Self { name, interfaces, version: PackageVersion::WASI }
    }

    /// A package of WASI 0.3.
    pub(in crate::sandbox) const fn later(name: &'static str, interfaces: &'static [&'static str]) -> Self {
        Self { name, interfaces, version: PackageVersion::LATER }
    }
}

impl<'a> Interface<'a> {
    /// Takes the name of an import apart; `None` where the name is not that of an interface in a package.
    pub(in crate::sandbox) fn parse(text: &'a str) -> Option<Self> {
        let (path, version) = match text.split_once('@') {
            Some((path, version)) => (path, PackageVersion::parse(version)),
            None => (text, None),
        };
        let (package, name) = path.split_once('/')?;
        Some(Self { package, name, version })
    }
}

impl PackageVersion {
    /// The version of the WASI interfaces that the host has.
    const WASI: Self = Self { major: 0, minor: 2, patch: 12 };
    /// The version of the later WASI interfaces that the host has besides.
    pub(in crate::sandbox) const LATER: Self = Self { major: 0, minor: 3, patch: 0 };
    /// The version of this project's own interfaces.
    const OURS: Self = Self { major: 0, minor: 1, patch: 0 };

    /// Reads three numbers with dots between them; `None` for any other text.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(|number| number.parse().ok());
        let [major, minor, patch] = [numbers.next()??, numbers.next()??, numbers.next()??];
        numbers.next().is_none().then_some(Self { major, minor, patch })
    }

    /// Whether a component that was built against `asked` finds what it needs in this one.
    pub(in crate::sandbox) fn satisfies(self, asked: PackageVersion) -> bool {
        // A later patch only adds, and so the linker takes any: what is missing it says by function.
        if self.major == 0 {
            (0, self.minor) == (asked.major, asked.minor)
        } else {
            self.major == asked.major
        }
    }

    /// What to do about a version that does not fit.
    pub(in crate::sandbox) fn remedy(self, asked: &Interface<'_>) -> &'static str {
        match asked.version {
            Some(version) if version > self => "update the minion, or build the module against that version",
            Some(_) => "build the module against that version",
            None => "name the version",
        }
    }

    /// As it is written in names.
    pub(in crate::sandbox) fn text(self) -> String {
        format!("{}.{}.{}", self.major, self.minor, self.patch)
    }
}
