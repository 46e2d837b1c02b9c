//! The fleet: Contoso's hosts and accounts, and who works where.
//!
//! Names depend on the number of hosts alone; the seed only decides how busy each host is.

use rand::distr::Distribution;
use rand::{Rng, RngExt};
use rand_distr::LogNormal;
use rand_distr::weighted::WeightedAliasIndex;

use super::persona::Persona;
use super::random::{Purpose, generator};
use super::roster::Roster;

/// The share of a post's events made by its first account.
const FIRST_ACCOUNT_SHARE: f64 = 0.85;

pub struct Host {
    /// As in the column `Computer`: `ws-0007.contoso.com`.
    pub computer: String,
    /// Without the domain: `ws-0007`.
    pub short: String,
}

pub struct Account {
    /// As in the column `Account`: `CONTOSO\anna.berg`.
    pub name: String,
    /// Without the domain: `anna.berg`.
    pub short: String,
    /// As in the column `AccountType`: `User` or `Machine`.
    pub account_type: &'static str,
}

/// A host where a persona works, and the accounts that do so, the usual one first.
pub struct Post {
    pub host: u32,
    pub accounts: Vec<u32>,
}

pub struct Fleet {
    pub hosts: Vec<Host>,
    pub accounts: Vec<Account>,
    /// The servers that command lines name, by their short names.
    pub servers: Vec<String>,
    /// Those of them that hold databases.
    pub database_servers: Vec<String>,
    workplaces: Vec<Workplace>,
}

/// All posts of one persona, some busier than others.
struct Workplace {
    posts: Vec<Post>,
    busy: Option<WeightedAliasIndex<f64>>,
}

impl Fleet {
    /// Makes the hosts and accounts, and draws how busy each host is.
    pub fn new(n_hosts: u32, seed: u64) -> Fleet {
        let roster = Roster::new(n_hosts);
        let mut random = generator(seed, Purpose::Fleet);
        let activity = LogNormal::new(0.0, 0.45).expect("a fixed, finite spread");
        let activity: Vec<f64> = roster
            .hosts
            .iter()
            .map(|_| activity.sample(&mut random))
            .collect();
        let workplaces = roster.posts.map(|posts| {
            let weights = posts
                .iter()
                .map(|post| activity[post.host as usize])
                .collect();
            Workplace {
                posts,
                busy: WeightedAliasIndex::new(weights).ok(),
            }
        });
        Fleet {
            hosts: roster.hosts,
            accounts: roster.accounts,
            servers: roster.servers,
            database_servers: roster.database_servers,
            workplaces: workplaces.into(),
        }
    }

    /// The hosts where a persona works; empty when a small fleet has none for it.
    pub fn posts(&self, persona: Persona) -> &[Post] {
        &self.workplaces[persona as usize].posts
    }

    /// Draws a host and an account for an event of a persona that has posts.
    pub fn place(&self, persona: Persona, random: &mut impl Rng) -> (u32, u32) {
        let workplace = &self.workplaces[persona as usize];
        let busy = workplace
            .busy
            .as_ref()
            .expect("only staffed personas make events");
        let post = &workplace.posts[busy.sample(random)];
        let (first, others) = post.accounts.split_first().expect("a post has an account");
        if others.is_empty() || random.random_bool(FIRST_ACCOUNT_SHARE) {
            (post.host, *first)
        } else {
            (post.host, others[random.random_range(0..others.len())])
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn no_two_accounts_and_no_two_hosts_share_a_name() {
        let fleet = Fleet::new(5_000, 42);
        let accounts: BTreeSet<_> = fleet.accounts.iter().map(|account| &account.name).collect();
        let hosts: BTreeSet<_> = fleet.hosts.iter().map(|host| &host.computer).collect();
        assert_eq!((accounts.len(), hosts.len()), (fleet.accounts.len(), 5_000));
    }

    #[test]
    fn thirty_hosts_are_workstations_servers_and_a_domain_controller() {
        let fleet = Fleet::new(30, 42);
        let counts = [Persona::Workstation, Persona::Server, Persona::Controller]
            .map(|persona| fleet.posts(persona).len());
        assert_eq!(counts, [23, 6, 1]);
        assert_eq!(fleet.hosts[6].computer, "ws-0007.contoso.com");
    }

    #[test]
    fn service_accounts_have_no_post_on_a_workstation() {
        let fleet = Fleet::new(30, 42);
        for persona in [
            Persona::Monitoring,
            Persona::Backup,
            Persona::Database,
            Persona::Web,
        ] {
            let posts = fleet.posts(persona);
            assert!(
                posts
                    .iter()
                    .all(|post| !fleet.hosts[post.host as usize].short.starts_with("ws"))
            );
        }
    }
}
