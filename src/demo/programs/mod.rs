//! Programs: who runs what, how often, and with which command lines.
//!
//! Weights fall off as Zipf's law has it: a dozen programs make most events, and a long tail of
//! vendor programs (`vendor.rs`) makes the few that look rare without being wrong. Hosts differ:
//! each belongs to one of a few tastes, which tilt the weights and own their part of the tail.

mod operations;
mod people;
mod vendor;
mod windows;

use rand::distr::Distribution;
use rand::{Rng, RngExt};
use rand_distr::LogNormal;
use rand_distr::weighted::WeightedAliasIndex;

use super::persona::Persona;
use super::random::{Purpose, generator, mix};
use super::template::Template;

/// A program as the tables in this folder write it down.
pub struct Program {
    name: &'static str,
    /// Who runs it, with a weight that compares programs of one persona.
    run_by: &'static [(Persona, f64)],
    lines: &'static [Line],
}

/// One way a program is started, with its share among the program's lines.
pub struct Line {
    share: f64,
    spread: Spread,
    text: &'static str,
}

/// How many different command lines a line stands for, and who shares them.
#[derive(Clone, Copy)]
pub enum Spread {
    /// Always filled the same way.
    Same,
    /// So many, known to the whole fleet.
    Shared(u32),
    /// So many for each host.
    PerHost(u32),
    /// So many for each account.
    PerAccount(u32),
    /// So many for each account on a host on a day.
    PerSession(u32),
    /// Another one for every event.
    Once,
}

const fn program(
    name: &'static str,
    run_by: &'static [(Persona, f64)],
    lines: &'static [Line],
) -> Program {
    Program {
        name,
        run_by,
        lines,
    }
}

const fn line(share: f64, spread: Spread, text: &'static str) -> Line {
    Line {
        share,
        spread,
        text,
    }
}

/// Tastes of each persona; a host has one of them.
const TASTES: usize = 16;

/// A way to start a program, ready to be drawn and written.
pub struct Start {
    /// As in the column `Process`: `svchost.exe`.
    pub program: String,
    pub template: Template,
    spread: Spread,
    identity: u64,
}

/// Who acts where, as far as command lines depend on it.
pub struct Actor {
    pub host: u32,
    pub account: u32,
    pub session: u64,
}

impl Start {
    /// Draws the key of a command line; low variants of a pool come far more often than high ones.
    pub fn key(&self, actor: &Actor, random: &mut impl Rng) -> u64 {
        let (scope, variants) = match self.spread {
            Spread::Same => return self.identity,
            Spread::Once => return random.random(),
            Spread::Shared(n) => (0, n),
            Spread::PerHost(n) => (1 << 32 | u64::from(actor.host), n),
            Spread::PerAccount(n) => (2 << 32 | u64::from(actor.account), n),
            Spread::PerSession(n) => (actor.session, n),
        };
        let place: f64 = random.random();
        let variant = (place * place * place * f64::from(variants)) as u64;
        mix(mix(self.identity ^ scope) ^ variant)
    }
}

/// All programs, and what each taste of each persona makes of them.
pub struct Programs {
    starts: Vec<Start>,
    menus: Vec<Menu>,
}

/// What hosts of one taste run under one persona.
struct Menu {
    starts: Vec<u32>,
    weights: Option<WeightedAliasIndex<f64>>,
}

impl Programs {
    pub fn new(seed: u64) -> Programs {
        let mut programs = Programs {
            starts: Vec::new(),
            menus: Vec::new(),
        };
        let mut offers = vec![Vec::new(); Persona::ALL.len()];
        let written = [windows::PROGRAMS, people::PROGRAMS, operations::PROGRAMS];
        for program in written.into_iter().flatten() {
            let shares: f64 = program.lines.iter().map(|line| line.share).sum();
            for line in program.lines {
                let start = programs.add(program.name.to_string(), line.spread, line.text);
                for (persona, weight) in program.run_by {
                    let weight = weight * line.share / shares;
                    offers[*persona as usize].push(Offer {
                        start,
                        weight,
                        everywhere: true,
                    });
                }
            }
        }
        for vendor::VendorProgram {
            name,
            text,
            persona,
            weight,
        } in vendor::programs()
        {
            let start = programs.add(name, Spread::PerHost(12), &text);
            offers[persona as usize].push(Offer {
                start,
                weight,
                everywhere: false,
            });
        }

        let mut random = generator(seed, Purpose::Taste);
        for offers in offers {
            for _ in 0..TASTES {
                programs.menus.push(Menu::tilted(&offers, &mut random));
            }
        }
        programs
    }

    /// Draws what a persona starts on a host.
    pub fn draw(&self, persona: Persona, host: u32, random: &mut impl Rng) -> &Start {
        let taste = mix(u64::from(host)) as usize % TASTES;
        let menu = &self.menus[persona as usize * TASTES + taste];
        let weights = menu
            .weights
            .as_ref()
            .expect("every persona runs some program everywhere");
        &self.starts[menu.starts[weights.sample(random)] as usize]
    }

    fn add(&mut self, program: String, spread: Spread, text: &str) -> u32 {
        let place = self.starts.len();
        let template = Template::parse(text);
        self.starts.push(Start {
            program,
            template,
            spread,
            identity: mix(place as u64),
        });
        place as u32
    }
}

#[derive(Clone)]
struct Offer {
    start: u32,
    weight: f64,
    /// Vendor programs are installed on some hosts only.
    everywhere: bool,
}

impl Menu {
    fn tilted(offers: &[Offer], random: &mut impl Rng) -> Menu {
        let tilt = LogNormal::new(0.0, 0.4).expect("a fixed, finite spread");
        let mut menu = Menu {
            starts: Vec::new(),
            weights: None,
        };
        let mut weights = Vec::new();
        for offer in offers {
            let weight = offer.weight * tilt.sample(random);
            if offer.everywhere || random.random_bool(0.3) {
                menu.starts.push(offer.start);
                weights.push(weight);
            }
        }
        menu.weights = WeightedAliasIndex::new(weights).ok();
        menu
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_persona_has_something_to_run() {
        let programs = Programs::new(42);
        for persona in Persona::ALL {
            for host in 0..100 {
                let start = programs.draw(persona, host, &mut generator(1, Purpose::Fleet));
                assert!(
                    start.program.to_lowercase().ends_with(".exe"),
                    "{}",
                    start.program
                );
            }
        }
    }

    #[test]
    fn office_people_run_none_of_the_programs_that_intrusions_use() {
        let written = [windows::PROGRAMS, people::PROGRAMS, operations::PROGRAMS];
        let of_office = |program: &&Program| {
            program
                .run_by
                .iter()
                .any(|(persona, _)| *persona == Persona::Office)
        };
        for program in written.into_iter().flatten().filter(of_office) {
            let used = [
                "powershell.exe",
                "net.exe",
                "PING.EXE",
                "nslookup.exe",
                "WMIC.exe",
                "winrs.exe",
            ];
            assert!(!used.contains(&program.name), "{}", program.name);
        }
    }
}
