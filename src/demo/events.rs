//! Events: the rows of the table, made chunk by chunk.
//!
//! A chunk is a slice of one day with its own generator, and holds the same rows whichever thread
//! makes it and when. Rows are in time order inside a chunk, chunks inside a day.

use arrow::array::RecordBatch;
use chrono::NaiveDate;
use rand::{Rng, RngExt};

use super::calendar::{Calendar, Day};
use super::columns::Columns;
use super::fleet::Fleet;
use super::intrusion::{self, Intrusion};
use super::params::DemoParams;
use super::persona::Persona;
use super::programs::{Actor, Programs};
use super::random::{Purpose, generator, mix};
use super::template::Scene;

/// Ordinary events in a full chunk. Another number would draw other rows.
const CHUNK_ROWS: u64 = 65_536;

/// The share of events whose command line was not recorded.
const NULL_SHARE: f64 = 0.02;

/// The share of scheduled events that start with the quarter of an hour.
const ON_THE_QUARTER_SHARE: f64 = 0.3;
const QUARTER_MICROS: i64 = 900_000_000;

/// Everything that events follow from.
pub struct Events {
    seed: u64,
    pub fleet: Fleet,
    pub intrusions: Vec<Intrusion>,
    programs: Programs,
    calendar: Calendar,
}

/// A day of the table and the number of its rows.
pub struct DayPlan {
    number: u32,
    pub date: NaiveDate,
    ordinary_rows: u64,
    planted_rows: u64,
    day: Day,
}

impl DayPlan {
    /// How many chunks the day takes; none when it has no rows.
    pub fn n_chunks(&self) -> u32 {
        match (self.ordinary_rows, self.planted_rows) {
            (0, 0) => 0,
            (ordinary, _) => ordinary.div_ceil(CHUNK_ROWS).max(1) as u32,
        }
    }
}

impl Events {
    pub fn new(params: &DemoParams) -> Events {
        let fleet = Fleet::new(params.hosts, params.seed);
        Events {
            seed: params.seed,
            intrusions: intrusion::plan(params, &fleet),
            programs: Programs::new(params.seed),
            calendar: Calendar::new(&fleet),
            fleet,
        }
    }

    /// The days from `first` on, with `rows` rows in all.
    pub fn days(&self, rows: u64, first: NaiveDate, days: u32) -> impl Iterator<Item = DayPlan> {
        let mut planted = vec![0; days as usize];
        for intrusion in &self.intrusions {
            planted[intrusion.day as usize] += intrusion.events.len() as u64;
        }
        let ordinary = self
            .calendar
            .deal(rows - planted.iter().sum::<u64>(), first, days);
        let rows = ordinary.into_iter().zip(planted);
        first.iter_days().zip(rows).zip(0..).map(
            |((date, (ordinary_rows, planted_rows)), number)| DayPlan {
                number,
                date,
                ordinary_rows,
                planted_rows,
                day: self.calendar.day(date),
            },
        )
    }

    /// Makes one chunk of a day.
    pub fn chunk(&self, plan: &DayPlan, chunk: u32) -> RecordBatch {
        let mut random = generator(
            self.seed,
            Purpose::Chunk {
                day: plan.number,
                chunk,
            },
        );
        let moments = self.moments(plan, chunk, &mut random);
        let mut columns = Columns::with_capacity(moments.len());
        for moment in moments {
            columns.times.push(moment.micros);
            match moment.source {
                Source::Ordinary(persona) => {
                    self.ordinary(&mut columns, plan, persona, &mut random)
                }
                Source::Planted(intrusion, command_line) => {
                    self.append_actor(&mut columns, intrusion.host, intrusion.account);
                    columns.process.append_value(intrusion.program);
                    columns.command_line.append_value(command_line);
                }
            }
        }
        columns.finish(plan.date)
    }

    /// The times of a chunk in order, each with what happens then.
    fn moments(&self, plan: &DayPlan, chunk: u32, random: &mut impl Rng) -> Vec<Moment<'_>> {
        let rows = plan.ordinary_rows;
        let first_row = u64::from(chunk) * CHUNK_ROWS;
        let next_row = (first_row + CHUNK_ROWS).min(rows);
        let quantile = |row: u64| {
            if row == rows {
                1.0
            } else {
                row as f64 / rows as f64
            }
        };
        let (low, high) = (quantile(first_row), quantile(next_row));
        let (from, to) = if rows == 0 {
            (plan.day.moment(0.0), plan.day.moment(1.0))
        } else {
            (plan.day.moment(low), plan.day.moment(high))
        };

        let mut moments = Vec::with_capacity((next_row - first_row) as usize + 64);
        for _ in first_row..next_row {
            let quantile = low + (high - low) * random.random::<f64>();
            let micros = plan.day.moment(quantile).clamp(from, to - 1);
            let persona = plan.day.persona(micros, random);
            let micros = match on_the_quarter(persona, micros, random) {
                quarter if (from..to).contains(&quarter) => quarter,
                _ => micros,
            };
            moments.push(Moment {
                micros,
                source: Source::Ordinary(persona),
            });
        }
        for intrusion in self.intrusions.iter().filter(|i| i.day == plan.number) {
            for event in &intrusion.events {
                let micros = plan.day.midnight() + event.micros;
                if (from..to).contains(&micros) {
                    let source = Source::Planted(intrusion, &event.command_line);
                    moments.push(Moment { micros, source });
                }
            }
        }
        moments.sort_by_key(|moment| moment.micros);
        moments
    }

    fn ordinary(
        &self,
        columns: &mut Columns,
        plan: &DayPlan,
        persona: Persona,
        random: &mut impl Rng,
    ) {
        let (host, account) = self.fleet.place(persona, random);
        let start = self.programs.draw(persona, host, random);
        self.append_actor(columns, host, account);
        columns.process.append_value(&start.program);
        if random.random_bool(NULL_SHARE) {
            columns.command_line.append_null();
            return;
        }
        let session = mix(mix(u64::from(account) << 32 | u64::from(host)) ^ u64::from(plan.number));
        let key = start.key(
            &Actor {
                host,
                account,
                session,
            },
            random,
        );
        let scene = Scene {
            user: &self.fleet.accounts[account as usize].short,
            host: &self.fleet.hosts[host as usize].short,
            servers: &self.fleet.servers,
            database_servers: &self.fleet.database_servers,
            session,
        };
        let line = &mut columns.command_line;
        start
            .template
            .write(line, key, &scene)
            .expect("a string builder takes all text");
        // Ends the value that was written in pieces.
        line.append_value("");
    }

    fn append_actor(&self, columns: &mut Columns, host: u32, account: u32) {
        let account = &self.fleet.accounts[account as usize];
        columns.account.append_value(&account.name);
        columns.account_type.append_value(account.account_type);
        columns
            .computer
            .append_value(&self.fleet.hosts[host as usize].computer);
    }
}

struct Moment<'a> {
    micros: i64,
    source: Source<'a>,
}

enum Source<'a> {
    Ordinary(Persona),
    Planted(&'a Intrusion, &'a str),
}

/// Moves some scheduled events to the seconds after the quarter of an hour they are in.
fn on_the_quarter(persona: Persona, micros: i64, random: &mut impl Rng) -> i64 {
    if !persona.is_scheduled() || !random.random_bool(ON_THE_QUARTER_SHARE) {
        return micros;
    }
    // Tasks queue up: most start in the first seconds, the last within half a minute.
    let delay: f64 = random.random();
    micros - micros.rem_euclid(QUARTER_MICROS) + (delay * delay * 30e6) as i64
}
