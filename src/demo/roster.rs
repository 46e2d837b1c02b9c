//! The roster: which hosts and accounts Contoso has, and which accounts work on which hosts.
//!
//! It follows from the number of hosts alone, so that demos of one size are about the same company.

use std::collections::BTreeMap;

use super::fleet::{Account, Host, Post};
use super::persona::Persona;
use super::vocabulary::{FIRST_NAMES, LAST_NAMES};

const SYSTEM: u32 = 0;
const LOCAL_SERVICE: u32 = 1;
const NETWORK_SERVICE: u32 = 2;

/// The hosts, the accounts and the posts of a fleet.
pub struct Roster {
    pub hosts: Vec<Host>,
    pub accounts: Vec<Account>,
    pub servers: Vec<String>,
    pub database_servers: Vec<String>,
    pub posts: [Vec<Post>; Persona::ALL.len()],
    services: BTreeMap<String, u32>,
}

impl Default for Roster {
    fn default() -> Self {
        let built_in = |short: &str| Account {
            name: format!("NT AUTHORITY\\{short}"),
            short: short.to_string(),
            account_type: "Machine",
        };
        Roster {
            hosts: Vec::new(),
            accounts: ["SYSTEM", "LOCAL SERVICE", "NETWORK SERVICE"]
                .map(built_in)
                .into(),
            servers: Vec::new(),
            database_servers: Vec::new(),
            services: BTreeMap::new(),
            posts: Default::default(),
        }
    }
}

impl Roster {
    /// A fleet of `n_hosts`: about a fifth servers and a sixtieth domain controllers.
    pub fn new(n_hosts: u32) -> Roster {
        let n_controllers = if n_hosts >= 3 {
            (n_hosts / 60).max(1)
        } else {
            0
        };
        let n_servers = if n_hosts >= 2 {
            (n_hosts / 5).max(1)
        } else {
            0
        };
        let n_workstations = n_hosts - n_servers - n_controllers;

        let mut roster = Roster::default();
        for number in 1..=n_workstations {
            roster.hire_workstation(number);
        }
        for number in 0..n_servers {
            roster.hire_server(number);
        }
        for number in 1..=n_controllers {
            roster.hire_controller(number);
        }
        roster.hire_admins((n_hosts / 40).max(2), n_workstations);
        roster.seat_people();
        roster
    }

    fn hire_workstation(&mut self, number: u32) {
        let host = self.add_host(format!("ws-{number:04}"), Persona::Workstation);
        let people = if number.is_multiple_of(5) {
            Persona::Developer
        } else {
            Persona::Office
        };
        let person = self.add_account(person_name(number - 1), "User");
        self.post(people, host, vec![person]);
    }

    fn hire_server(&mut self, number: u32) {
        let (prefix, persona) = [
            ("app", Persona::Deployment),
            ("sql", Persona::Database),
            ("web", Persona::Web),
        ][number as usize % 3];
        let of_its_kind = number / 3 + 1;
        let short = format!("{prefix}-{of_its_kind:04}");
        self.servers.push(short.clone());
        if persona == Persona::Database {
            self.database_servers.push(short.clone());
        }
        let host = self.add_host(short, Persona::Server);
        // Four servers of a kind share a service account; watching and copying is done by one.
        let service = self.account_named(format!("svc_{prefix}{:02}", number / 12 + 1));
        let backup = self.account_named("svc_backup".to_string());
        let monitor = self.account_named("svc_monitor".to_string());
        self.post(persona, host, vec![service]);
        self.post(Persona::Backup, host, vec![backup]);
        self.post(Persona::Monitoring, host, vec![monitor]);
    }

    fn hire_controller(&mut self, number: u32) {
        let host = self.add_host(format!("dc-{number:02}"), Persona::Controller);
        let monitor = self.account_named("svc_monitor".to_string());
        self.post(Persona::Monitoring, host, vec![monitor]);
    }

    /// Admins look after servers and controllers, and after one workstation in ten.
    fn hire_admins(&mut self, n_admins: u32, n_workstations: u32) {
        let admins: Vec<u32> = (0..n_admins)
            .map(|i| {
                let last = LAST_NAMES[(i as usize * 7 + 3) % LAST_NAMES.len()];
                let namesakes = i as usize / LAST_NAMES.len();
                let number = if namesakes == 0 {
                    String::new()
                } else {
                    namesakes.to_string()
                };
                self.add_account(format!("adm-{last}{number}"), "User")
            })
            .collect();
        for host in 0..self.hosts.len() as u32 {
            if host >= n_workstations || host % 10 == 9 {
                let turn = |step| admins[((host + step) % n_admins) as usize];
                self.post(Persona::Admin, host, vec![turn(0), turn(1)]);
            }
        }
    }

    /// Gives every workstation two colleagues of its owner who sit down there now and then.
    fn seat_people(&mut self) {
        for persona in [Persona::Office, Persona::Developer] {
            let posts = &mut self.posts[persona as usize];
            let owners: Vec<u32> = posts.iter().map(|post| post.accounts[0]).collect();
            for (i, post) in posts.iter_mut().enumerate() {
                for step in [1, 7] {
                    let colleague = owners[(i + step) % owners.len()];
                    if !post.accounts.contains(&colleague) {
                        post.accounts.push(colleague);
                    }
                }
            }
        }
    }

    fn add_host(&mut self, short: String, machine: Persona) -> u32 {
        let host = self.hosts.len() as u32;
        let account = self.add_account(format!("{}$", short.to_uppercase()), "Machine");
        self.hosts.push(Host {
            computer: format!("{short}.contoso.com"),
            short,
        });
        self.post(machine, host, vec![account, SYSTEM]);
        self.post(Persona::BuiltIn, host, vec![NETWORK_SERVICE, LOCAL_SERVICE]);
        host
    }

    fn add_account(&mut self, short: String, account_type: &'static str) -> u32 {
        let name = format!("CONTOSO\\{short}");
        self.accounts.push(Account {
            name,
            short,
            account_type,
        });
        self.accounts.len() as u32 - 1
    }

    /// A service account by name, made when it is first asked for.
    fn account_named(&mut self, short: String) -> u32 {
        match self.services.get(&short) {
            Some(account) => *account,
            None => {
                let account = self.add_account(short.clone(), "User");
                self.services.insert(short, account);
                account
            }
        }
    }

    fn post(&mut self, persona: Persona, host: u32, accounts: Vec<u32>) {
        self.posts[persona as usize].push(Post { host, accounts });
    }
}

/// A person's account name; neighbours share neither first nor last name.
fn person_name(number: u32) -> String {
    let n_pairs = FIRST_NAMES.len() * LAST_NAMES.len();
    // 773 is prime to the number of pairs, so every pair comes once before any comes twice.
    let pair = number as usize * 773 % n_pairs;
    let first = FIRST_NAMES[pair % FIRST_NAMES.len()];
    let last = LAST_NAMES[pair / FIRST_NAMES.len()];
    match number as usize / n_pairs {
        0 => format!("{first}.{last}"),
        namesakes => format!("{first}.{last}{}", namesakes + 1),
    }
}
