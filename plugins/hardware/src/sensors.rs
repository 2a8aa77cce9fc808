//! What `sensors -j` says.

use failure::Error;
use minion_sdk::process::Status;
use serde_json::{Map, Value};

use crate::exports::minion::hardware::hardware::{Quantity, Reading};
use crate::programs::{self, json};

pub(crate) fn of_host() -> Result<Vec<Reading>, Error> {
    let argv = ["sensors", "-j"];
    let output = programs::run(&argv)?;
    let text = output.stdout_text();
    match output.status {
        Status::Exited(0) => readings(&text),
        // What it says where it has found none.
        Status::Exited(1) if output.stderr_text().contains("No sensors found") => Ok(Vec::new()),
        _ => Err(failure::failed(&argv, &output)),
    }
}

/// Chips with what is on them: texts, as the adapter that they hang on, and groups of values, one a sensor.
fn readings(text: &str) -> Result<Vec<Reading>, Error> {
    let chips: Map<String, Value> = json("sensors", text)?;
    let mut readings = Vec::new();
    for (chip, on_it) in chips {
        let Value::Object(on_it) = on_it else { continue };
        for (name, values) in on_it {
            if let Value::Object(values) = values {
                readings.extend(reading(&chip, &name, &values));
            }
        }
    }
    Ok(readings)
}

/// A group as `{"temp1_input": 45.0, "temp1_max": 80.0}`; one without a value that is measured is none.
fn reading(chip: &str, name: &str, values: &Map<String, Value>) -> Option<Reading> {
    let value = |endings: &[&str]| {
        endings.iter().find_map(|ending| {
            values
                .iter()
                .find_map(|(key, value)| (key.split_once('_')?.1 == *ending).then(|| value.as_f64())?)
        })
    };
    let quantity = quantity(values.keys().next()?);
    let is_alarm = |(key, value): (&String, &Value)| {
        key.ends_with("_alarm") && value.as_f64().is_some_and(|it| it != 0.0)
    };
    Some(Reading {
        chip: chip.to_owned(),
        name: name.to_owned(),
        value: value(&["input", "average"])?,
        quantity,
        high: value(&["max", "cap"]),
        critical: value(&["crit"]),
        alarm: values.iter().any(is_alarm),
    })
}

fn quantity(key: &str) -> Quantity {
    match key.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default() {
        "temp" => Quantity::Temperature,
        "fan" => Quantity::Fan,
        "in" => Quantity::Voltage,
        "curr" => Quantity::Current,
        "power" => Quantity::Power,
        "energy" => Quantity::Energy,
        "humidity" => Quantity::Humidity,
        _ => Quantity::Other,
    }
}

#[cfg(test)]
mod tests {
    use minion_sdk::process::Output;
    use minion_sdk::testing::Host;

    use super::*;

    #[test]
    fn a_sensor_has_a_value_with_its_limits() {
        let text = r#"{"k10temp-pci-00c3": {"Adapter": "PCI adapter", "Tctl": {"temp1_input": 45.5, "temp1_max": 80.0,
            "temp1_crit": 90.0, "temp1_crit_alarm": 1.0}}, "nct-1": {"fan1": {"fan1_input": 900.0, "fan1_alarm": 0.0},
            "intrusion0": {"intrusion0_alarm": 1.0}, "empty": {}}}"#;
        let found = readings(text).expect("read");
        assert_eq!(found.len(), 2, "{found:?}");
        let heat = &found[0];
        assert_eq!(
            (heat.chip.as_str(), heat.name.as_str(), heat.quantity),
            ("k10temp-pci-00c3", "Tctl", Quantity::Temperature)
        );
        assert_eq!((heat.value, heat.high, heat.critical, heat.alarm), (45.5, Some(80.0), Some(90.0), true));
        assert_eq!((found[1].quantity, found[1].high, found[1].alarm), (Quantity::Fan, None, false));
    }

    #[test]
    fn a_host_without_sensors_has_none_and_nonsense_is_an_error() {
        let none = Output { stderr: b"No sensors found!\n".to_vec(), ..Output::printed("{\n\n}\n", 1) };
        let _host = Host::new().program(&["sensors", "-j"], none);
        assert_eq!(of_host(), Ok(Vec::new()));
        assert!(readings("[]").is_err() && readings("").is_err());
    }
}
