//! Who sends, as Entra ID sees it: a token by the first credential that is set up.
//!
//! In this order, unless the sink names one: an application's secret (`AZURE_CLIENT_SECRET`), a workload identity
//! (`AZURE_FEDERATED_TOKEN_FILE`), a managed identity, whoever is signed in with the Azure CLI.

use std::sync::Arc;
use std::time::Duration;

use azure_core::credentials::{Secret, TokenCredential};
use azure_core::error::ErrorKind;
use azure_core::http::{ClientOptions, RetryOptions, Transport};
use azure_identity::{
    AzureCliCredential, AzureCliCredentialOptions, ClientAssertionCredentialOptions,
    ClientSecretCredential, ClientSecretCredentialOptions, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
    WorkloadIdentityCredentialOptions,
};
use tokio::sync::Mutex;

use super::answer::Answer;
use super::client::Clients;
use crate::job::{Credential, JobError, LogAnalytics, Setting, hide, secret_variable, variable};

/// What the token is for, in the public cloud.
const SCOPE: &str = "https://monitor.azure.com/.default";
/// Where no machine's identity is, nobody answers.
const PATIENCE: Duration = Duration::from_secs(10);

/// Tokens for one sink.
pub(super) struct Entra {
    settings: Settings,
    scope: String,
    clients: Clients,
    current: Mutex<Option<Current>>,
}

/// The credential that gives tokens, which keeps each as long as it lasts.
struct Current {
    credential: Arc<dyn TokenCredential>,
    token: String,
}

impl std::fmt::Debug for Entra {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Entra").finish_non_exhaustive()
    }
}

struct Settings {
    credential: Option<Credential>,
    tenant_id: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
}

impl Entra {
    pub fn new(sink: &LogAnalytics, clients: &Clients) -> Result<Self, JobError> {
        let or = |setting: &Option<Setting>, other: Option<String>| match setting {
            Some(setting) => setting.resolve().map(Some),
            None => Ok(other),
        };
        Ok(Self {
            settings: Settings {
                credential: sink.credential,
                tenant_id: or(&sink.tenant_id, variable("AZURE_TENANT_ID"))?,
                client_id: or(&sink.client_id, variable("AZURE_CLIENT_ID"))?,
                client_secret: or(&sink.client_secret, secret_variable("AZURE_CLIENT_SECRET"))?,
            },
            scope: match &sink.scope {
                Some(scope) => scope.resolve()?,
                None => SCOPE.to_owned(),
            },
            clients: clients.clone(),
            current: Mutex::new(None),
        })
    }

    /// A token that is good, as far as is known.
    pub async fn token(&self) -> Result<String, Answer> {
        let mut current = self.current.lock().await;
        if let Some(current) = current.as_mut() {
            let token = self.ask(current.credential.as_ref()).await;
            current.token = token.map_err(NoToken::answer)?;
            return Ok(current.token.clone());
        }
        let mut failures = Vec::new();
        for kind in self.kinds() {
            let asked = async {
                let credential = self.settings.credential(kind, &self.clients);
                let credential = credential.map_err(NoToken::for_ever)?;
                let token = self.ask(credential.as_ref()).await?;
                Ok(Current { credential, token })
            };
            match asked.await {
                Ok(found) => return Ok(current.insert(found).token.clone()),
                Err(failure) => failures.push((kind, failure)),
            }
        }
        let told = failures
            .iter()
            .map(|(kind, failure): &(_, NoToken)| format!("{}: {}", word(*kind), failure.why));
        // Where nobody answers for a managed identity there is none: the last one's word counts.
        let is_final = failures.last().is_some_and(|(_, failure)| failure.is_final);
        let why = format!(
            "no token of Entra ID: {}",
            told.collect::<Vec<_>>().join("; ")
        );
        Err(NoToken { why, is_final }.answer())
    }

    /// The next token is another one, unless that is so already.
    pub async fn forget(&self, token: &str) {
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_some_and(|current| current.token == token)
        {
            *current = None;
        }
    }

    /// The credentials to try. One that is set up is meant, and no other is tried in its place.
    fn kinds(&self) -> Vec<Credential> {
        if let Some(credential) = self.settings.credential {
            return vec![credential];
        }
        if self.settings.client_secret.is_some() {
            return vec![Credential::ClientSecret];
        }
        if variable("AZURE_FEDERATED_TOKEN_FILE").is_some() {
            return vec![Credential::WorkloadIdentity];
        }
        vec![Credential::ManagedIdentity, Credential::AzureCli]
    }

    async fn ask(&self, credential: &dyn TokenCredential) -> Result<String, NoToken> {
        let scopes = [self.scope.as_str()];
        let token = credential.get_token(&scopes, None);
        match tokio::time::timeout(PATIENCE, token).await {
            Ok(Ok(token)) => {
                let token = token.token.secret().to_owned();
                hide(&token, "(a token)"); // a service may say it back
                Ok(token)
            }
            Ok(Err(error)) => Err(NoToken {
                why: crate::error::causes(&error).join(": "),
                is_final: is_refusal(&error),
            }),
            Err(_) => Err(NoToken {
                why: format!("nobody answers within {} s", PATIENCE.as_secs()),
                is_final: false,
            }),
        }
    }
}

impl Settings {
    fn credential(
        &self,
        kind: Credential,
        clients: &Clients,
    ) -> Result<Arc<dyn TokenCredential>, String> {
        let client = match kind {
            Credential::ManagedIdentity => &clients.here,
            _ => &clients.out,
        };
        let client_options = ClientOptions {
            transport: Some(Transport::new(Arc::new(client.clone()))),
            retry: RetryOptions::none(), // whoever sends tries again
            ..ClientOptions::default()
        };
        let made: azure_core::Result<Arc<dyn TokenCredential>> = match kind {
            Credential::ClientSecret => {
                let needed = |value: &Option<String>, name: &str| {
                    let value = value.clone().filter(|value| !value.is_empty());
                    value.ok_or_else(|| format!("`{name}` is not set"))
                };
                let secret = needed(&self.client_secret, "AZURE_CLIENT_SECRET")?;
                ClientSecretCredential::new(
                    &needed(&self.tenant_id, "AZURE_TENANT_ID")?,
                    needed(&self.client_id, "AZURE_CLIENT_ID")?,
                    Secret::new(secret),
                    Some(ClientSecretCredentialOptions { client_options }),
                )
                .map(|credential| credential as Arc<dyn TokenCredential>)
            }
            Credential::WorkloadIdentity => {
                WorkloadIdentityCredential::new(Some(WorkloadIdentityCredentialOptions {
                    credential_options: ClientAssertionCredentialOptions { client_options },
                    client_id: self.client_id.clone(),
                    tenant_id: self.tenant_id.clone(),
                    token_file_path: None,
                }))
                .map(|credential| credential as Arc<dyn TokenCredential>)
            }
            Credential::ManagedIdentity => {
                ManagedIdentityCredential::new(Some(ManagedIdentityCredentialOptions {
                    user_assigned_id: self.client_id.clone().map(UserAssignedId::ClientId),
                    client_options,
                }))
                .map(|credential| credential as Arc<dyn TokenCredential>)
            }
            Credential::AzureCli => AzureCliCredential::new(Some(AzureCliCredentialOptions {
                tenant_id: self.tenant_id.clone(),
                ..AzureCliCredentialOptions::default()
            }))
            .map(|credential| credential as Arc<dyn TokenCredential>),
        };
        made.map_err(|error| crate::error::causes(&error).join(": "))
    }
}

/// Why there is no token.
struct NoToken {
    why: String,
    /// Another try comes to the same.
    is_final: bool,
}

impl NoToken {
    fn for_ever(why: String) -> Self {
        Self {
            why,
            is_final: true,
        }
    }

    fn answer(self) -> Answer {
        match self.is_final {
            true => Answer::refused(self.why),
            false => Answer::later(self.why),
        }
    }
}

/// Whether it was said no, or something is missing; and not that the network failed, or the service.
fn is_refusal(error: &azure_core::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        let azure = error.downcast_ref::<azure_core::Error>();
        if let Some(status) = azure.and_then(azure_core::Error::http_status) {
            let status = u16::from(status);
            return matches!(status, 400..=499) && !matches!(status, 408 | 429);
        }
        if azure.is_some_and(|azure| matches!(azure.kind(), ErrorKind::Io)) {
            return false;
        }
        cause = error.source();
    }
    true
}

fn word(kind: Credential) -> &'static str {
    match kind {
        Credential::ClientSecret => "client secret",
        Credential::WorkloadIdentity => "workload identity",
        Credential::ManagedIdentity => "managed identity",
        Credential::AzureCli => "Azure CLI",
    }
}
