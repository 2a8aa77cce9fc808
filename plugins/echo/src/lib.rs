//! The module `echo`: each method gives back what it gets. What they are is said in `wit/echo.wit`.

use exports::minion::echo::echo::{Choice, Guest, Permissions, Point, Shape};

minion_sdk::module!({ path: "wit", world: "minion:echo/module" });

struct Echo;

export!(Echo);

impl Guest for Echo {
    fn run_string(s: String) -> String {
        s
    }

    fn run_bool(value: bool) -> bool {
        value
    }

    fn run_u8(value: u8) -> u8 {
        value
    }

    fn run_u16(value: u16) -> u16 {
        value
    }

    fn run_u32(value: u32) -> u32 {
        value
    }

    fn run_u64(value: u64) -> u64 {
        value
    }

    fn run_s8(value: i8) -> i8 {
        value
    }

    fn run_s16(value: i16) -> i16 {
        value
    }

    fn run_s32(value: i32) -> i32 {
        value
    }

    fn run_s64(value: i64) -> i64 {
        value
    }

    fn run_f32(value: f32) -> f32 {
        value
    }

    fn run_f64(value: f64) -> f64 {
        value
    }

    fn run_char(value: char) -> char {
        value
    }

    fn run_bytes(value: Vec<u8>) -> Vec<u8> {
        value
    }

    fn run_list(value: Vec<String>) -> Vec<String> {
        value
    }

    fn run_tuple(value: (String, i64, bool)) -> (String, i64, bool) {
        value
    }

    fn run_record(value: Point) -> Point {
        value
    }

    fn run_variant(value: Shape) -> Shape {
        value
    }

    fn run_enum(value: Choice) -> Choice {
        value
    }

    fn run_flags(value: Permissions) -> Permissions {
        value
    }

    fn run_option(value: Option<String>) -> Option<String> {
        value
    }

    fn run_result(value: Result<String, String>) -> Result<String, String> {
        value
    }

    fn run_nested(
        value: Vec<Option<Result<(Point, Shape), Choice>>>,
    ) -> Vec<Option<Result<(Point, Shape), Choice>>> {
        value
    }
}
