//! Command lines with blanks: `git.exe -C C:\src\{repository} fetch`.
//!
//! What fills the blanks follows from one key, so a pool of a thousand command lines is a thousand
//! keys and takes no memory.

use std::fmt::{self, Write};

use rand::{RngExt, SeedableRng};
use rand_xoshiro::SplitMix64;

use super::random::mix;
use super::vocabulary::*;

/// A command line cut at its blanks.
pub struct Template(Vec<Piece>);

enum Piece {
    Text(String),
    Blank(Blank),
}

#[derive(Clone, Copy)]
enum Blank {
    /// The account's own short name.
    User,
    /// The host's own short name.
    Host,
    /// A server of the fleet.
    Server,
    /// A database server of the fleet.
    DatabaseServer,
    /// One of a list of words.
    Word(&'static [&'static str]),
    /// A number of so many digits.
    Digits(u32),
    /// So many hexadecimal digits.
    Hex(u32),
    /// A class or job id, without braces.
    Guid,
    /// The last number or word once more.
    Again,
    /// Numbers that stay for the account's day on the host, such as a browser's handle.
    Session,
}

/// What an event knows that a command line may name.
pub struct Scene<'a> {
    pub user: &'a str,
    pub host: &'a str,
    pub servers: &'a [String],
    pub database_servers: &'a [String],
    /// Equal for all events of an account on a host on a day.
    pub session: u64,
}

impl Template {
    /// Cuts a text at its `{blanks}`; a brace that names no blank is text, as in `{0.0.0}`.
    pub fn parse(text: &str) -> Template {
        let mut pieces = Vec::new();
        let mut rest = text;
        let mut literal = String::new();
        while let Some(open) = rest.find('{') {
            let close = rest[open..].find('}').map(|length| open + length);
            let blank = close.and_then(|close| Blank::named(&rest[open + 1..close]));
            match (close, blank) {
                (Some(close), Some(blank)) => {
                    literal.push_str(&rest[..open]);
                    pieces.push(Piece::Text(std::mem::take(&mut literal)));
                    pieces.push(Piece::Blank(blank));
                    rest = &rest[close + 1..];
                }
                _ => {
                    literal.push_str(&rest[..=open]);
                    rest = &rest[open + 1..];
                }
            }
        }
        literal.push_str(rest);
        pieces.push(Piece::Text(literal));
        Template(pieces)
    }

    /// Writes the command line of `key`; equal keys and scenes give equal lines.
    pub fn write(&self, out: &mut impl Write, key: u64, scene: &Scene<'_>) -> fmt::Result {
        let mut random = SplitMix64::seed_from_u64(key);
        let mut last = Filling::Number(0);
        for piece in &self.0 {
            match piece {
                Piece::Text(text) => out.write_str(text)?,
                Piece::Blank(blank) => blank.write(out, &mut random, &mut last, scene)?,
            }
        }
        Ok(())
    }
}

impl Blank {
    fn named(name: &str) -> Option<Blank> {
        let blank = match name {
            "user" => Blank::User,
            "host" => Blank::Host,
            "server" => Blank::Server,
            "database server" => Blank::DatabaseServer,
            "subject" => Blank::Word(SUBJECTS),
            "folder" => Blank::Word(FOLDERS),
            "repository" => Blank::Word(REPOSITORIES),
            "branch" => Blank::Word(BRANCHES),
            "script" => Blank::Word(SCRIPTS),
            "database" => Blank::Word(DATABASES),
            "service" => Blank::Word(SERVICES),
            "service host" => Blank::Word(SERVICE_HOSTS),
            "class id" => Blank::Word(CLASS_IDS),
            "packaged app" => Blank::Word(PACKAGED_APPS),
            "task host" => Blank::Word(TASK_HOSTS),
            "first name" => Blank::Word(&FIRST_NAMES),
            "last name" => Blank::Word(&LAST_NAMES),
            "guid" => Blank::Guid,
            "again" => Blank::Again,
            "session" => Blank::Session,
            _ => match name.split_once(' ')? {
                ("digits", n) => Blank::Digits(n.parse().ok()?),
                ("hex", n) => Blank::Hex(n.parse().ok()?),
                _ => return None,
            },
        };
        Some(blank)
    }

    fn write(
        self,
        out: &mut impl Write,
        random: &mut SplitMix64,
        last: &mut Filling,
        scene: &Scene<'_>,
    ) -> fmt::Result {
        match self {
            Blank::User => out.write_str(scene.user),
            Blank::Host => out.write_str(scene.host),
            Blank::Server => out.write_str(one_of(scene.servers, random)),
            Blank::DatabaseServer => out.write_str(one_of(scene.database_servers, random)),
            Blank::Word(words) => {
                *last = Filling::Word(words[random.random_range(0..words.len())]);
                last.write(out)
            }
            Blank::Digits(n) => {
                let least = 10_u64.pow(n - 1);
                *last = Filling::Number(random.random_range(least..least * 10));
                last.write(out)
            }
            Blank::Hex(n) => {
                let digits: u64 = random.random::<u64>() >> (64 - 4 * n);
                write!(out, "{digits:0width$x}", width = n as usize)
            }
            Blank::Guid => {
                let (high, low): (u64, u64) = random.random();
                write!(
                    out,
                    "{:08X}-{:04X}-4{:03X}-{:04X}-{:012X}",
                    high >> 32,
                    high >> 16 & 0xffff,
                    high & 0xfff,
                    low >> 50 | 0x8000,
                    low & 0xffff_ffff_ffff
                )
            }
            Blank::Again => last.write(out),
            Blank::Session => {
                let (first, second) = (scene.session, mix(scene.session));
                write!(
                    out,
                    "{},i,{},{}",
                    1600 + first % 1024 * 4,
                    first >> 2,
                    second >> 4
                )
            }
        }
    }
}

/// What a blank was filled with, as far as `Again` can repeat it.
enum Filling {
    Number(u64),
    Word(&'static str),
}

impl Filling {
    fn write(&self, out: &mut impl Write) -> fmt::Result {
        match self {
            Filling::Number(number) => write!(out, "{number}"),
            Filling::Word(word) => out.write_str(word),
        }
    }
}

/// A server's name; fleets of a host or two have none and speak to themselves.
fn one_of<'a>(servers: &'a [String], random: &mut SplitMix64) -> &'a str {
    match servers {
        [] => "localhost",
        _ => &servers[random.random_range(0..servers.len())],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_always_fills_the_blanks_alike() {
        let template = Template::parse(r"ping.exe -n {digits 2} {server} & echo {again} {guid}");
        let servers = ["web-0001".to_string(), "sql-0001".to_string()];
        assert_eq!(
            filled(&template, 7, &servers),
            filled(&template, 7, &servers)
        );
        assert_ne!(
            filled(&template, 7, &servers),
            filled(&template, 8, &servers)
        );
    }

    #[test]
    fn braces_that_name_no_blank_are_text() {
        let template = Template::parse(r"rundll32.exe {9AA46009} {user} {host} {0.0} }{");
        assert_eq!(
            filled(&template, 1, &[]),
            "rundll32.exe {9AA46009} anna.berg ws-0001 {0.0} }{"
        );
    }

    #[test]
    fn again_repeats_the_number_or_word_before_it() {
        for text in ["{digits 3}|{again}", "{folder}|{again}", "{folder}|{user}"] {
            let line = filled(&Template::parse(text), 5, &[]);
            let (before, after) = line.split_once('|').unwrap();
            assert_eq!(before == after, !text.contains("user"), "{line}");
        }
    }

    fn filled(template: &Template, key: u64, servers: &[String]) -> String {
        let scene = Scene {
            user: "anna.berg",
            host: "ws-0001",
            servers,
            database_servers: servers,
            session: 99,
        };
        let mut line = String::new();
        template.write(&mut line, key, &scene).unwrap();
        line
    }
}
