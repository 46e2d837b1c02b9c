//! Intrusions: the few groups of events that do not belong.
//!
//! Each is one group (day, host, account, program) that no ordinary event falls into, because its
//! persona has no such program or no post on that host. They look like what an incident report
//! shows, and do nothing: addresses are from the documentation ranges, tools get no working input.

mod kind;

use std::collections::BTreeSet;

use rand::{Rng, RngExt};

use super::fleet::Fleet;
use super::params::DemoParams;
use super::persona::Persona;
use super::random::{Purpose, generator};
use super::template::{Scene, Template};
use kind::{Kind, Tool};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// One planted group.
pub struct Intrusion {
    pub kind: Kind,
    /// Counted from the first day, 0.
    pub day: u32,
    pub host: u32,
    pub account: u32,
    pub program: &'static str,
    pub events: Vec<PlantedEvent>,
}

pub struct PlantedEvent {
    /// Since midnight of its day.
    pub micros: i64,
    pub command_line: String,
}

/// Plans all intrusions of a demo, those of one day next to each other.
///
/// There may be fewer than asked for when a tiny fleet has no room for more groups.
pub fn plan(params: &DemoParams, fleet: &Fleet) -> Vec<Intrusion> {
    let mut planner = Planner {
        fleet,
        params,
        random: generator(params.seed, Purpose::Intrusions),
        taken: BTreeSet::new(),
    };
    let mut intrusions: Vec<Intrusion> = (0..params.intrusions)
        .filter_map(|number| planner.intrusion(number))
        .collect();
    intrusions.sort_by_key(|intrusion| intrusion.day);
    intrusions
}

struct Planner<'a, R> {
    fleet: &'a Fleet,
    params: &'a DemoParams,
    random: R,
    taken: BTreeSet<(u32, u32, u32, &'static str)>,
}

impl<R: Rng> Planner<'_, R> {
    fn intrusion(&mut self, number: u32) -> Option<Intrusion> {
        let kind = Kind::ALL[number as usize % Kind::ALL.len()];
        // Every second one is on the last day, so that a look at that day alone finds something.
        let last = self.params.days - 1;
        let earlier = last.max(1);
        for _ in 0..100 {
            let day = if number.is_multiple_of(2) {
                last
            } else {
                self.random.random_range(0..earlier)
            };
            let (host, account) = self.place(kind)?;
            let tools = kind.tools();
            let tool = &tools[self.random.random_range(0..tools.len())];
            if self.taken.insert((day, host, account, tool.program)) {
                let events = self.events(kind, tool, host, account);
                return Some(Intrusion {
                    kind,
                    day,
                    host,
                    account,
                    program: tool.program,
                    events,
                });
            }
        }
        None
    }

    /// A workstation and its owner, or for a foreign account a service account instead.
    fn place(&mut self, kind: Kind) -> Option<(u32, u32)> {
        let (desk, owner) = self.post(Persona::Office)?;
        if kind != Kind::ForeignAccount {
            return Some((desk, owner));
        }
        let services = [
            Persona::Backup,
            Persona::Database,
            Persona::Monitoring,
            Persona::Web,
        ];
        let service = services[self.random.random_range(0..services.len())];
        // Small fleets lack some kinds of server; a single host has none at all.
        let (_, service_account) = self.post(service).or_else(|| self.post(Persona::Backup))?;
        Some((desk, service_account))
    }

    /// A host where a persona works, and its usual account there.
    fn post(&mut self, persona: Persona) -> Option<(u32, u32)> {
        let posts = self.fleet.posts(persona);
        if posts.is_empty() {
            return None;
        }
        let post = &posts[self.random.random_range(0..posts.len())];
        Some((post.host, post.accounts[0]))
    }

    fn events(&mut self, kind: Kind, tool: &Tool, host: u32, account: u32) -> Vec<PlantedEvent> {
        // Four in five intruders come when the office is dark.
        let hour = match self.random.random_range(0..5) {
            0 => self.random.random_range(9..17),
            1 => self.random.random_range(19..23),
            _ => self.random.random_range(1..5),
        };
        let start = hour * 3600 + self.random.random_range(0..1800);
        let minutes = if kind == Kind::Burst { 12 } else { 25 };
        let mut events: Vec<PlantedEvent> = (0..self.count(kind))
            .map(|_| {
                let offset = self
                    .random
                    .random_range(0..minutes * 60 * MICROS_PER_SECOND);
                PlantedEvent {
                    micros: start * MICROS_PER_SECOND + offset,
                    command_line: self.command_line(kind, tool, host, account),
                }
            })
            .collect();
        events.sort_by_key(|event| event.micros);
        events
    }

    fn count(&mut self, kind: Kind) -> u64 {
        let params = self.params;
        let count = match kind {
            Kind::RareTool => self.random.random_range(1..=3),
            Kind::ForeignAccount => self.random.random_range(3..=12),
            Kind::EncodedPowershell => self.random.random_range(1..=5),
            Kind::LateralMovement => self.random.random_range(4..=15),
            // Loud enough to stand out from what a host does in a day.
            Kind::Burst => {
                let of_a_host = params.rows / u64::from(params.hosts) / u64::from(params.days);
                let least = (of_a_host / 4).clamp(60, 2000);
                self.random.random_range(least..=2 * least)
            }
        };
        // In a small demo they stay a minority.
        count
            .min(params.rows / 4 / u64::from(params.intrusions))
            .max(1)
    }

    fn command_line(&mut self, kind: Kind, tool: &Tool, host: u32, account: u32) -> String {
        let scene = Scene {
            user: &self.fleet.accounts[account as usize].short,
            host: &self.fleet.hosts[host as usize].short,
            servers: &self.fleet.servers,
            database_servers: &self.fleet.database_servers,
            session: 0,
        };
        let text = tool.lines[self.random.random_range(0..tool.lines.len())];
        let mut line = String::new();
        Template::parse(text)
            .write(&mut line, self.random.random(), &scene)
            .expect("a string takes all text");
        kind.finish(line)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    #[test]
    fn half_of_the_intrusions_are_on_the_last_day_and_no_group_comes_twice() {
        let plan = planned(200_000, 30, 20);
        assert_eq!(plan.len(), 20);
        assert_eq!(
            plan.iter().filter(|intrusion| intrusion.day == 13).count(),
            10
        );
        let groups: BTreeSet<_> = plan
            .iter()
            .map(|i| (i.day, i.host, i.account, i.program))
            .collect();
        assert_eq!(groups.len(), 20);
    }

    #[test]
    fn intrusions_take_at_most_a_quarter_of_a_small_demo() {
        let plan = planned(240, 3, 12);
        let events: usize = plan.iter().map(|intrusion| intrusion.events.len()).sum();
        assert!(events <= 60, "{events}");
    }

    #[test]
    fn a_fleet_of_one_host_has_no_foreign_account() {
        let plan = planned(10_000, 1, 10);
        assert!(
            plan.iter()
                .all(|intrusion| intrusion.kind != Kind::ForeignAccount)
        );
    }

    fn planned(rows: u64, hosts: u32, intrusions: u32) -> Vec<Intrusion> {
        let end = NaiveDate::from_ymd_opt(2026, 11, 22).unwrap();
        let params = DemoParams {
            rows,
            hosts,
            intrusions,
            ..DemoParams::new(end)
        };
        plan(&params, &Fleet::new(hosts, params.seed))
    }
}
