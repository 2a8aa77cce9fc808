//! What a minion tells of all its modules, kept so small that it can always be told.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::memory::Held;
use crate::message::module::{Module, ModuleState};
use crate::message::version::Version;

/// The most modules of one minion.
pub const MAX_MODULES: usize = 1_024;

/// The most memory that an inventory takes, in bytes.
pub const MAX_HELD: usize = 4 << 20;

/// The most memory that an inventory takes besides its modules, in bytes.
const OWN: usize = 1 << 10;

/// The modules of a minion, as many as can be told: at most [`MAX_MODULES`], in at most
/// [`MAX_HELD`] bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Inventory {
    /// The modules, by name.
    pub modules: Vec<Module>,
    /// How many more there are, for which there was no room.
    pub left_out: u32,
}

impl Inventory {
    /// The inventory of these modules. Where there is not room for all, those in service are taken first; how many
    /// are left out is counted.
    pub fn of(modules: Vec<Module>) -> Self {
        let is_active = |module: &Module| module.state == ModuleState::Active;
        let (mut room, mut places) = (MAX_HELD - OWN, MAX_MODULES);
        let mut fits = |module: &Module| {
            let held = module.held();
            let fits = held <= room && places > 0;
            if fits {
                room -= held;
                places -= 1;
            }
            fits
        };
        let active: Vec<bool> = modules.iter().map(|module| is_active(module) && fits(module)).collect();
        let told: Vec<bool> = modules
            .iter()
            .zip(active)
            .map(|(module, told)| told || (!is_active(module) && fits(module)))
            .collect();
        let left_out = told.iter().filter(|told| !**told).count();
        let told = modules.into_iter().zip(told).filter(|(_, told)| *told).map(|(module, _)| module);
        let mut modules: Vec<Module> = told.collect();
        modules.shrink_to_fit();
        Self { modules, left_out: u32::try_from(left_out).unwrap_or(u32::MAX) }
    }
}

impl Held for Inventory {
    fn elsewhere(&self) -> usize {
        self.modules.elsewhere()
    }
}

/// Written in the form of the version that is spoken: in version 1 an inventory is the list of modules alone.
impl Serialize for Inventory {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match Version::spoken() {
            Version::One => self.modules.serialize(serializer),
            Version::Two | Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => {
                Inventory::serialize(self, serializer)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Inventory {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Version::spoken() {
            Version::One => Vec::deserialize(deserializer).map(|modules| Inventory { modules, left_out: 0 }),
            Version::Two | Version::Three | Version::Four | Version::Five | Version::Six | Version::Seven => {
                Inventory::deserialize(deserializer)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::digest::Digest;
    use crate::value::method::Methods;

    fn module(name: &str, state: ModuleState, imports: Vec<String>) -> Module {
        Module {
            name: name.parse().expect("a name"),
            version: None,
            digest: Digest::of(b""),
            description: None,
            state,
            methods: Methods::default(),
            imports,
            versions: Vec::new(),
        }
    }

    /// What a module takes beside a number of times 16 bytes, which is what an allocator hands out.
    fn odd() -> usize {
        module("large", ModuleState::Active, Vec::new()).held() % 16
    }

    /// A module that takes so many bytes, which are 16 times a number and [`odd`].
    fn of_size(state: ModuleState, bytes: usize) -> Module {
        let mut module = module("large", state, vec![String::new()]);
        let short = module.held();
        // An allocator needs 8 bytes beside the text.
        module.imports = vec!["i".repeat(bytes - short - 8)];
        assert_eq!(module.held(), bytes);
        module
    }

    fn names(inventory: &Inventory) -> Vec<&str> {
        inventory.modules.iter().map(|module| module.name.as_str()).collect()
    }

    #[test]
    fn modules_are_told_up_to_their_number_those_in_service_first_and_in_their_order() {
        let state =
            |place: usize| if place.is_multiple_of(2) { ModuleState::Retired } else { ModuleState::Active };
        let given = |count: usize| -> Vec<Module> {
            (0..count).map(|place| module(&format!("m{place:04}"), state(place), Vec::new())).collect()
        };
        assert_eq!(Inventory::of(given(1_024)), Inventory { modules: given(1_024), left_out: 0 });
        let most = Inventory::of(given(1_030));
        assert_eq!((most.modules.len(), most.left_out), (1_024, 6));
        assert!(names(&most).is_sorted());
        let in_service = most.modules.iter().filter(|module| module.state == ModuleState::Active).count();
        assert_eq!(in_service, 515, "none of those in service is left out");
        assert!(names(&most).contains(&"m1016") && !names(&most).contains(&"m1018"));
    }

    #[test]
    fn modules_are_told_up_to_the_memory_that_an_inventory_may_take() {
        let room = (4 << 20) - (1 << 10);
        let told = |sizes: &[(ModuleState, usize)]| {
            let modules = sizes.iter().map(|(state, size)| of_size(state.clone(), *size)).collect();
            let told = Inventory::of(modules);
            assert!(told.held() <= MAX_HELD, "{} bytes", told.held());
            let sizes: Vec<usize> = told.modules.iter().map(|module| module.held()).collect();
            (sizes, told.left_out)
        };
        let small = (1 << 20) + odd();
        let (large, smaller) = (room - small, (1 << 10) + odd());
        let [active, staged] = [ModuleState::Active, ModuleState::Staged];
        let both = [(staged.clone(), small), (active.clone(), large)];
        assert_eq!(told(&both), (vec![small, large], 0));
        let too_large = [(staged.clone(), small + 16), (active.clone(), large), (staged, smaller)];
        assert_eq!(told(&too_large), (vec![large, smaller], 1), "what is smaller still has room");
        let most = room - odd();
        assert_eq!(told(&[(active.clone(), most)]), (vec![most], 0));
        assert_eq!(told(&[(active, most + 16)]), (Vec::new(), 1));
    }

    #[test]
    fn version_1_tells_the_modules_alone() {
        let inventory =
            Inventory { modules: vec![module("one", ModuleState::Staged, Vec::new())], left_out: 3 };
        for (version, left_out) in [(Version::One, 0), (Version::Two, 3), (Version::Four, 3)] {
            let bytes = version.speak(|| postcard::to_stdvec(&inventory)).expect("encodes");
            let read: Inventory = version.speak(|| postcard::from_bytes(&bytes)).expect("decodes");
            assert_eq!(read, Inventory { left_out, ..inventory.clone() }, "{version:?}");
        }
    }
}
