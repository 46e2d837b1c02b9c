//! The words that command lines and names are made of.
//!
//! The lists hold what a Windows engineer meets every day; a few entries are not ASCII, because real
//! documents are not.

#[rustfmt::skip]
pub const FIRST_NAMES: [&str; 40] = [
    "anna", "ben", "carla", "dmitri", "elif", "farid", "grace", "hiro", "ines", "jan",
    "karim", "lena", "marco", "nadia", "omar", "paula", "quinn", "rosa", "sven", "tara",
    "uma", "victor", "wei", "xenia", "yusuf", "zoe", "aoife", "brian", "ciara", "declan",
    "emma", "fiona", "george", "hannah", "ian", "julia", "kevin", "liam", "maeve", "niamh",
];

#[rustfmt::skip]
pub const LAST_NAMES: [&str; 50] = [
    "berg", "costa", "byrne", "novak", "demir", "haddad", "kelly", "sato", "silva", "kowalski",
    "nasser", "vogel", "rossi", "petrova", "murphy", "weiss", "doyle", "marino", "lind", "singh",
    "patel", "moreau", "zhang", "ivanova", "aydin", "walsh", "ryan", "osullivan", "nolan", "keane",
    "fischer", "brennan", "clark", "meyer", "dunne", "santos", "flynn", "hughes", "farrell", "gallagher",
    "becker", "jensen", "larsen", "okafor", "tanaka", "dubois", "garcia", "horvat", "quigley", "tierney",
];

/// What documents are about.
#[rustfmt::skip]
pub const SUBJECTS: &[&str] = &[
    "Budget", "Invoice", "Offer", "Contract", "Minutes", "Forecast", "Price list", "Stock count",
    "Travel costs", "Project plan", "Onboarding", "Handbook", "Audit notes", "Sales report",
    "Supplier list", "Holiday planner", "Timesheet", "Tender", "Order", "Quality review",
    "Risk register", "Board pack", "Newsletter", "Customer survey", "Résumé", "Angebot Müller",
    "Café rota", "Presupuesto año", "Årsrapport", "見積書", "会議メモ", "Отчёт",
];

/// Folders of documents, and shares.
#[rustfmt::skip]
pub const FOLDERS: &[&str] = &[
    "Finance", "Sales", "HR", "Projects", "Marketing", "Legal", "Purchasing", "Logistics",
    "Quality", "Board", "Templates", "Archive", "Customers", "Facilities", "Büro Wien",
];

/// Repositories and services that developers and deployments work on.
#[rustfmt::skip]
pub const REPOSITORIES: &[&str] = &[
    "billing-api", "web-shop", "stock-service", "price-engine", "ledger", "customer-portal",
    "label-printer", "route-planner", "etl-jobs", "shared-build", "mobile-app", "search-index",
    "auth-gateway", "report-server", "infra",
];

/// Branches and topics.
#[rustfmt::skip]
pub const BRANCHES: &[&str] = &[
    "main", "develop", "release/26.11", "feature/invoice-pdf", "feature/login-page",
    "fix/rounding", "fix/null-price", "chore/deps", "hotfix/basket", "feature/übersetzung",
];

/// Scripts, scheduled tasks and jobs.
#[rustfmt::skip]
pub const SCRIPTS: &[&str] = &[
    "Sync-Inventory", "Export-Orders", "Import-Prices", "Clear-TempFiles", "Update-Licences",
    "Test-DiskSpace", "Rotate-Logs", "Get-PatchState", "Set-PrinterDefaults", "Send-DailyReport",
    "Archive-Mail", "Check-Certificates", "Restart-Spooler", "Map-Drives", "Collect-Metrics",
    "Publish-Site", "Backup-Config", "Compare-Hashes", "Update-Hosts", "Repair-Shortcuts",
];

/// Databases, and web applications by the same names.
#[rustfmt::skip]
pub const DATABASES: &[&str] = &[
    "Sales", "Ledger", "Stock", "Customers", "Prices", "Reporting", "Staging", "Portal", "Shop",
    "Archive",
];

/// Windows services that are queried and restarted.
#[rustfmt::skip]
pub const SERVICES: &[&str] = &[
    "Spooler", "W32Time", "WinRM", "BITS", "wuauserv", "EventLog", "Dnscache", "LanmanServer",
    "TermService", "Schedule", "MSSQLSERVER", "W3SVC", "DHCPServer", "DNS", "Netlogon", "CryptSvc",
    "gpsvc", "RemoteRegistry",
];

/// What follows `svchost.exe -k`: group and service as Windows starts them.
#[rustfmt::skip]
pub const SERVICE_HOSTS: &[&str] = &[
    "netsvcs -p -s BITS", "netsvcs -p -s wuauserv", "netsvcs -p -s wlidsvc",
    "LocalSystemNetworkRestricted -p -s PcaSvc", "netsvcs -p -s Schedule",
    "wsappx -p -s ClipSVC", "wsappx -p -s AppXSvc", "netsvcs -p -s DsmSvc",
    "LocalServiceNetworkRestricted -p -s wscsvc", "netsvcs -p -s gpsvc",
    "LocalService -p -s LicenseManager", "netsvcs -p -s Appinfo", "netsvcs -p -s UsoSvc",
    "LocalSystemNetworkRestricted -p -s StorSvc", "appmodel -p -s StateRepository",
    "UnistackSvcGroup -s WpnUserService", "ClipboardSvcGroup -p -s cbdhsvc",
    "LocalService -p -s BthAvctpSvc", "NetworkService -p -s DoSvc", "NetworkService -p -s CryptSvc",
    "netsvcs -p -s Winmgmt", "swprv", "defragsvc", "wusvcs -p -s WaaSMedicSvc",
    "LocalServiceNoNetwork -p -s DPS", "LocalSystemNetworkRestricted -p -s WdiSystemHost",
    "utcsvc -p", "smphost", "GraphicsPerfSvcGroup -s GraphicsPerfSvc", "netsvcs -p -s lfsvc",
    "LocalServiceAndNoImpersonation -p -s SCardSvr", "netsvcs -p -s iphlpsvc",
    "AxInstSVGroup", "print", "WerSvcGroup",
];

/// Class ids that `DllHost.exe /Processid:` is started with.
#[rustfmt::skip]
pub const CLASS_IDS: &[&str] = &[
    "{AB8902B4-09CA-4BB6-B78D-A8F59079A8D5}", "{3EB3C877-1F16-487C-9050-104DBCD66683}",
    "{973D20D7-562D-44B9-B70B-5A0F49CCDF3F}", "{02D4B3F1-FD88-11D1-960D-00805FC79235}",
    "{E10F6C3A-F1AE-4ADC-AA9D-2FE65525666E}", "{776DBC8D-7347-478C-8D71-791E12EF49D8}",
    "{30D49246-D217-465F-B00B-AC9DDD652EB7}", "{7966B4D8-4FDC-4126-A10B-39A3209AD251}",
    "{60A90A2F-858D-42AF-8929-82BE9D99E8A1}", "{45BA127D-10A8-46EA-8AB7-56EA9078943C}",
];

/// Packaged apps that `backgroundTaskHost.exe` serves.
#[rustfmt::skip]
pub const PACKAGED_APPS: &[&str] = &[
    "App.AppXmtcan0h2tfbfy7k9kn8hbxb6dmzz1zh0.mca",
    "BackgroundTaskHost.WebAccountProvider",
    "App.AppX7y4nbzq37zn4ks9k7amqjywdat7d3j2z.mca",
    "CortanaUI.AppXy7vb4pc2dr3kc93kfc509b1d0arkfb2x.mca",
    "Global.Accounts.AppXqe94epy97qwa6w3j6w132e8zvcs117nd.mca",
    "App.AppXzst44mncqdg84v7sv6p7yznqwssy6f7f.mca",
];

/// What `taskhostw.exe` is started with.
#[rustfmt::skip]
pub const TASK_HOSTS: &[&str] = &[
    "KEYROAMING", "SYSTEM", "Install $(Arg0)", "NGCKeyPregen", "Logon", "-RegisterDevice -PeriodicSync",
    "None", "USER",
];
