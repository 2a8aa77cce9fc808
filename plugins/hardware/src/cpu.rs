//! What `lscpu --json` says.

use failure::Error;
use serde::Deserialize;

use crate::exports::minion::hardware::hardware::Processors;
use crate::loose::word;
use crate::programs::json;

#[derive(Deserialize)]
struct Told {
    lscpu: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    field: String,
    data: Option<String>,
    /// Newer versions say what belongs to what.
    #[serde(default)]
    children: Vec<Field>,
}

/// The fields, whatever they belong to, by their names without the colon.
struct Fields(Vec<(String, String)>);

impl Fields {
    fn add(&mut self, fields: Vec<Field>) {
        for Field { field, data, children } in fields {
            if let Some(data) = data.and_then(word) {
                self.0.push((field.trim().trim_end_matches(':').to_owned(), data));
            }
            self.add(children);
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field == name).map(|(_, data)| data.as_str())
    }

    fn text(&self, name: &str) -> Option<String> {
        // Where nobody knows, it says so in a sign.
        self.get(name).filter(|text| *text != "-").map(str::to_owned)
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// Those whose names begin or end so, without that.
    fn group(&self, part: impl Fn(&str) -> Option<&str>) -> Vec<(String, String)> {
        self.0.iter().filter_map(|(field, data)| Some((part(field)?.to_owned(), data.clone()))).collect()
    }
}

pub(crate) fn read(text: &str) -> Result<Processors, Error> {
    let mut fields = Fields(Vec::new());
    fields.add(json::<Told>("lscpu", text)?.lscpu);
    let missing = |name: &str| Error::Other(format!("`lscpu` said nothing of \"{name}\""));
    let count = fields.number("CPU(s)").ok_or_else(|| missing("CPU(s)"))?;
    let online = fields.get("On-line CPU(s) list").and_then(listed).unwrap_or(count);
    Ok(Processors {
        model: fields.text("Model name"),
        vendor: fields.text("Vendor ID"),
        architecture: fields.text("Architecture").ok_or_else(|| missing("Architecture"))?,
        online,
        count,
        sockets: fields.number("Socket(s)"),
        cores_per_socket: fields.number("Core(s) per socket"),
        threads_per_core: fields.number("Thread(s) per core"),
        max_mhz: fields.number("CPU max MHz"),
        hypervisor: fields.text("Hypervisor vendor"),
        caches: fields.group(|field| field.strip_suffix(" cache")),
        vulnerabilities: fields.group(|field| field.strip_prefix("Vulnerability ")),
        flags: fields.get("Flags").unwrap_or_default().split_whitespace().map(str::to_owned).collect(),
    })
}

/// How many are in a list as `0,2-5`.
fn listed(list: &str) -> Option<u32> {
    let many = |part: &str| -> Option<u32> {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    };
    list.split(',').try_fold(0_u32, |sum, part| sum.checked_add(many(part)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_found_flat_and_below_others() {
        let flat = r#"{"lscpu": [{"field": "Architecture:", "data": "x86_64"}, {"field": "CPU(s):", "data": "8"},
            {"field": "On-line CPU(s) list:", "data": "0,2-4"}, {"field": "Model name:", "data": "AMD EPYC"},
            {"field": "L1d cache:", "data": "96 KiB (2 instances)"}, {"field": "CPU max MHz:", "data": "3700.5000"},
            {"field": "Vulnerability Meltdown:", "data": "Not affected"}, {"field": "Flags:", "data": "fpu vme"}]}"#;
        let cpu = read(flat).expect("read");
        assert_eq!((cpu.count, cpu.online, cpu.model.as_deref()), (8, 4, Some("AMD EPYC")));
        assert_eq!((cpu.max_mhz, cpu.sockets), (Some(3700.5), None));
        assert_eq!(cpu.caches, [("L1d".to_owned(), "96 KiB (2 instances)".to_owned())]);
        assert_eq!(cpu.vulnerabilities, [("Meltdown".to_owned(), "Not affected".to_owned())]);
        assert_eq!(cpu.flags, ["fpu", "vme"]);
        let nested = r#"{"lscpu": [{"field": "Architecture:", "data": "aarch64"}, {"field": "CPU(s):", "data": "4", "children":
            [{"field": "On-line CPU(s) list:", "data": "0-3"}]}, {"field": "Vendor ID:", "data": "ARM", "children": [{"field":
            "Model name:", "data": "-", "children": [{"field": "Socket(s):", "data": "-"}, {"field": "Thread(s) per core:",
            "data": "1"}]}]}]}"#;
        let cpu = read(nested).expect("read");
        assert_eq!((cpu.online, cpu.model, cpu.sockets, cpu.threads_per_core), (4, None, None, Some(1)));
    }

    #[test]
    fn anything_else_is_an_error_and_no_panic() {
        for text in ["", "{}", r#"{"lscpu": []}"#, r#"{"lscpu": [{"field": "CPU(s):", "data": "4"}]}"#, "[1]"]
        {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!((listed("5-2"), listed("x"), listed("0-4294967295")), (None, None, None));
    }
}
