//! What `ping -q` says at its end.

use failure::Error;

use crate::exports::minion::network::network::Echoes;

/// Reads `3 packets transmitted, 3 received, …` and `rtt min/avg/max/mdev = 0.03/0.04/0.05/0.01 ms`.
pub(crate) fn echoes(text: &str) -> Result<Echoes, Error> {
    let misread = || Error::Other(format!("`ping` said what cannot be read: {text:?}"));
    let counts = text.lines().find(|line| line.contains("packets transmitted")).ok_or_else(misread)?;
    let mut counts =
        counts.split(',').map(|part| part.split_whitespace().next().and_then(|word| word.parse().ok()));
    let (sent, received) =
        (counts.next().flatten().ok_or_else(misread)?, counts.next().flatten().ok_or_else(misread)?);
    let times =
        text.lines().find(|line| line.contains("min/avg/max")).and_then(|line| line.split_once(" = "));
    let average_ms = times.and_then(|(_, times)| times.split('/').nth(1)?.parse().ok());
    Ok(Echoes { sent, received, average_ms })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_lines_say_what_came_back() {
        let text = "PING a (127.0.0.1) 56(84) bytes of data.\n\n--- a ping statistics ---\n3 packets transmitted, 3 received, \
                    0% packet loss, time 2029ms\nrtt min/avg/max/mdev = 0.025/0.031/0.036/0.004 ms\n";
        assert_eq!(echoes(text), Ok(Echoes { sent: 3, received: 3, average_ms: Some(0.031) }));
        let none = "2 packets transmitted, 0 received, 100% packet loss, time 1001ms\n";
        assert_eq!(echoes(none), Ok(Echoes { sent: 2, received: 0, average_ms: None }));
        assert!(echoes("ping: unknown host").is_err() && echoes("x packets transmitted").is_err());
    }
}
