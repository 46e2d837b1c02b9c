//! The long tail: programs of made-up vendors, each installed on some hosts only.

use crate::demo::persona::Persona::{self, *};

pub struct VendorProgram {
    pub name: String,
    pub text: String,
    pub persona: Persona,
    pub weight: f64,
}

#[rustfmt::skip]
const PRODUCTS: [(&str, &str); 24] = [
    ("Fabrikam", "LedgerSync"), ("Northwind", "StockView"), ("Tailspin", "RoutePlan"),
    ("Adatum", "BadgeDesk"), ("Litware", "ScanFlow"), ("Proseware", "ClipArchive"),
    ("Wingtip", "LabelPrint"), ("Trey Research", "LabBook"), ("Lucerne", "MediaBox"),
    ("Fabrikam", "PayDay"), ("Northwind", "Backup"), ("Tailspin", "FleetMap"),
    ("Adatum", "DoorGuard"), ("Litware", "FaxBridge"), ("Proseware", "TimeClock"),
    ("Wingtip", "PriceTag"), ("Alpine Ski House", "Booking"), ("Contoso", "Helpdesk"),
    ("Contoso", "AssetScan"), ("Humongous", "ClaimForm"), ("Fourth Coffee", "TillSync"),
    ("Graphic Design Institute", "ProofView"), ("Coho", "CellarLog"), ("Margie", "TravelDesk"),
];

#[rustfmt::skip]
const PARTS: [(&str, &str); 10] = [
    ("Agent", "--config \"C:\\ProgramData\\{product}\\agent.xml\" --host {host}"),
    ("Tray", "/minimized"),
    ("Updater", "/check /channel stable /build {digits 4}"),
    ("Service", "-run"),
    ("Sync", "--profile {folder} --since {digits 5}"),
    ("Helper", "/embedding"),
    ("Report", "/out \"C:\\Reports\\{subject}.pdf\""),
    ("Import", "--file \"D:\\inbox\\{database}-{digits 6}.csv\""),
    ("Crash", "--dump C:\\ProgramData\\{product}\\{hex 8}.dmp"),
    ("Setup", "/quiet /norestart /log C:\\Windows\\Temp\\{product}-{digits 4}.log"),
];

const USERS: [Persona; 6] = [Office, Workstation, Server, Office, Developer, Server];

/// Every part of every product, in order of falling weight (Zipf's law).
pub fn programs() -> impl Iterator<Item = VendorProgram> {
    let pairs = PARTS
        .iter()
        .flat_map(|part| PRODUCTS.iter().map(move |product| (product, part)));
    pairs
        .enumerate()
        .map(|(rank, ((vendor, product), (part, arguments)))| {
            let name = format!("{product}{part}.exe");
            let arguments = arguments.replace("{product}", product);
            let text = format!("\"C:\\Program Files\\{vendor}\\{product}\\{name}\" {arguments}");
            let weight = 6.0 / (rank as f64 + 2.0).powf(1.05);
            VendorProgram {
                name,
                text,
                persona: USERS[rank % USERS.len()],
                weight,
            }
        })
}
