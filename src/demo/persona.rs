//! Personas: the kinds of account that start programs, and when they do.
//!
//! A persona decides the programs (`programs/`), the hosts (`fleet.rs`) and the hours. Hours are UTC:
//! Contoso sits in Ireland, so that an office day is 08 to 18 by the table's own clock.

/// A kind of account at work on a kind of host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Persona {
    /// A workstation's own account, and SYSTEM on it.
    Workstation,
    /// A server's own account, and SYSTEM on it.
    Server,
    /// A domain controller's own account, and SYSTEM on it.
    Controller,
    /// LOCAL SERVICE and NETWORK SERVICE, on every host.
    BuiltIn,
    /// The service account that watches servers.
    Monitoring,
    /// The service account that copies servers at night.
    Backup,
    /// Service accounts of the database servers.
    Database,
    /// Service accounts of the web servers.
    Web,
    /// Service accounts that build and deploy on the application servers.
    Deployment,
    /// People with mail and documents.
    Office,
    /// People with an editor and a terminal.
    Developer,
    /// People with a second account for administration.
    Admin,
}

use Persona::*;

impl Persona {
    /// Every persona; `persona as usize` is its place here.
    pub const ALL: [Persona; 12] = [
        Workstation,
        Server,
        Controller,
        BuiltIn,
        Monitoring,
        Backup,
        Database,
        Web,
        Deployment,
        Office,
        Developer,
        Admin,
    ];

    /// Events of one host on a working day, relative to the other personas.
    pub fn events_per_host(self) -> f64 {
        match self {
            Workstation => 1.0,
            Server => 2.0,
            Controller => 3.0,
            BuiltIn => 0.15,
            Monitoring => 0.9,
            Backup => 0.3,
            Database | Web => 2.0,
            Deployment => 1.5,
            Office => 1.6,
            Developer => 3.5,
            Admin => 0.5,
        }
    }

    /// What is left of a working day on Saturday and Sunday, 0 to 1.
    pub fn weekend_share(self) -> f64 {
        match self {
            Workstation => 0.6,
            BuiltIn => 0.75,
            Server | Controller | Monitoring | Backup => 0.95,
            Database | Web => 0.6,
            Deployment => 0.25,
            Office => 0.05,
            Developer => 0.09,
            Admin => 0.12,
        }
    }

    /// How busy each hour of the day is, from 00 to 23 UTC, relative to the other hours.
    pub fn hours(self) -> &'static [f64; 24] {
        match self {
            Workstation => &DESK_HOURS,
            Server | Controller | Monitoring | BuiltIn => &MACHINE_HOURS,
            Backup => &NIGHT_HOURS,
            Database | Web => &CUSTOMER_HOURS,
            Deployment => &BUILD_HOURS,
            Office => &OFFICE_HOURS,
            Developer => &DEVELOPER_HOURS,
            Admin => &ADMIN_HOURS,
        }
    }

    /// Whether the task scheduler starts most of this persona's programs.
    pub fn is_scheduled(self) -> bool {
        !matches!(self, Office | Developer | Admin)
    }
}

#[rustfmt::skip]
const OFFICE_HOURS: [f64; 24] = [
    0.3, 0.2, 0.2, 0.2, 0.2, 0.5, 2.0, 9.0, 42.0, 60.0, 62.0, 56.0,
    38.0, 52.0, 60.0, 60.0, 52.0, 32.0, 10.0, 5.0, 4.0, 3.0, 2.0, 1.0,
];
#[rustfmt::skip]
const DEVELOPER_HOURS: [f64; 24] = [
    2.0, 1.0, 0.5, 0.3, 0.3, 0.3, 1.0, 4.0, 20.0, 50.0, 62.0, 60.0,
    44.0, 54.0, 62.0, 64.0, 58.0, 46.0, 18.0, 10.0, 8.0, 8.0, 6.0, 3.0,
];
#[rustfmt::skip]
const ADMIN_HOURS: [f64; 24] = [
    1.0, 0.5, 0.5, 0.5, 0.5, 1.0, 4.0, 16.0, 48.0, 60.0, 58.0, 52.0,
    34.0, 50.0, 58.0, 54.0, 46.0, 30.0, 8.0, 6.0, 10.0, 12.0, 8.0, 3.0,
];
#[rustfmt::skip]
const DESK_HOURS: [f64; 24] = [
    3.0, 3.0, 3.0, 4.0, 3.0, 3.0, 4.0, 7.0, 10.0, 9.0, 8.0, 8.0,
    8.0, 8.0, 8.0, 8.0, 8.0, 7.0, 5.0, 4.0, 4.0, 3.0, 3.0, 3.0,
];
#[rustfmt::skip]
const MACHINE_HOURS: [f64; 24] = [
    10.0, 10.0, 12.0, 14.0, 12.0, 10.0, 10.0, 10.0, 11.0, 11.0, 11.0, 11.0,
    11.0, 11.0, 11.0, 11.0, 11.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0, 10.0,
];
#[rustfmt::skip]
const NIGHT_HOURS: [f64; 24] = [
    30.0, 34.0, 30.0, 22.0, 14.0, 6.0, 3.0, 2.0, 2.0, 2.0, 2.0, 2.0,
    6.0, 2.0, 2.0, 2.0, 2.0, 2.0, 3.0, 4.0, 6.0, 10.0, 24.0, 28.0,
];
#[rustfmt::skip]
const CUSTOMER_HOURS: [f64; 24] = [
    6.0, 14.0, 16.0, 12.0, 6.0, 5.0, 6.0, 9.0, 14.0, 16.0, 16.0, 16.0,
    15.0, 16.0, 16.0, 16.0, 14.0, 12.0, 10.0, 10.0, 10.0, 9.0, 8.0, 6.0,
];
#[rustfmt::skip]
const BUILD_HOURS: [f64; 24] = [
    4.0, 20.0, 24.0, 8.0, 2.0, 2.0, 2.0, 4.0, 14.0, 26.0, 30.0, 28.0,
    22.0, 26.0, 30.0, 32.0, 28.0, 20.0, 8.0, 5.0, 4.0, 4.0, 4.0, 4.0,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_lists_every_persona_at_its_own_place() {
        for (place, persona) in Persona::ALL.into_iter().enumerate() {
            assert_eq!(persona as usize, place);
        }
    }
}
