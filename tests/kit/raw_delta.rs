//! Delta tables written by hand, for what the writer of deltalake does not write.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// A Delta table whose log a test writes line by line.
pub struct RawDelta {
    path: PathBuf,
}

impl RawDelta {
    /// A table with this protocol, schema and configuration, and these further actions, as version 0.
    pub fn create(
        path: &Path,
        protocol: &Value,
        schema: &Value,
        configuration: &Value,
        actions: &[Value],
    ) -> Self {
        let table = Self {
            path: path.to_owned(),
        };
        let metadata = json!({"metaData": {
            "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
            "format": {"provider": "parquet", "options": {}},
            "schemaString": schema.to_string(),
            "partitionColumns": [],
            "configuration": configuration,
            "createdTime": 0,
        }});
        let head = [json!({"protocol": protocol}), metadata];
        table.commit(0, &[&head, actions].concat());
        table
    }

    /// Writes the actions of one version.
    pub fn commit(&self, version: u64, actions: &[Value]) {
        let log = self.path.join("_delta_log");
        fs::create_dir_all(&log).unwrap();
        let lines: Vec<_> = actions.iter().map(Value::to_string).collect();
        fs::write(
            log.join(format!("{version:020}.json")),
            lines.join("\n") + "\n",
        )
        .unwrap();
    }
}

/// The action that adds a file of the table's folder.
pub fn add(table: &Path, file: &str) -> Value {
    json!({"add": {
        "path": file,
        "partitionValues": {},
        "size": fs::metadata(table.join(file)).unwrap().len(),
        "modificationTime": 0,
        "dataChange": true,
    }})
}

/// The schema of process events, each column with what `metadata` gives for its number and name.
pub fn delta_schema(metadata: impl Fn(usize, &str) -> Value) -> Value {
    let columns = [
        "TimeGenerated",
        "Computer",
        "Account",
        "AccountType",
        "Process",
        "CommandLine",
    ];
    let field = |(number, name): (usize, &&str)| {
        let data_type = if *name == "TimeGenerated" {
            "timestamp"
        } else {
            "string"
        };
        json!({"name": name, "type": data_type, "nullable": true, "metadata": metadata(number, name)})
    };
    json!({"type": "struct", "fields": columns.iter().enumerate().map(field).collect::<Vec<_>>()})
}

/// Z85 of ZeroMQ: four bytes as five characters, which is how Delta writes bytes in its log.
pub fn z85(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 85] =
        b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.-:+=^!/*?&<>()[]{}@%$#";
    let five = |four: &[u8]| {
        let number = u32::from_be_bytes(four.try_into().unwrap());
        (0..5_u32)
            .rev()
            .map(move |place| DIGITS[(number / 85_u32.pow(place) % 85) as usize] as char)
    };
    bytes.chunks(4).flat_map(five).collect()
}
