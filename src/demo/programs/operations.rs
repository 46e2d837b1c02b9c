//! Programs of the service accounts and of the people who administer the fleet.

use super::Spread::*;
use super::{Program, line, program};
use crate::demo::persona::Persona::*;

#[rustfmt::skip]
pub const PROGRAMS: &[Program] = &[
    program("MonitoringHost.exe", &[(Monitoring, 18.0)], &[
        line(1.0, Same, r#""C:\Program Files\Microsoft Monitoring Agent\Agent\MonitoringHost.exe" -Embedding"#),
    ]),
    program("cscript.exe", &[(Monitoring, 16.0), (Server, 2.0)], &[
        line(1.0, PerHost(60), r#""C:\Windows\system32\cscript.exe" /nologo "C:\Program Files\Microsoft Monitoring Agent\Agent\Health Service State\Monitoring Host Temporary Files {digits 3}\{digits 4}\{script}.vbs" {host}.contoso.com {guid}"#),
    ]),
    program("WMIC.exe", &[(Monitoring, 5.0), (Admin, 2.0)], &[
        line(3.0, Same, r"wmic logicaldisk where drivetype=3 get deviceid,freespace,size /format:csv"),
        line(2.0, Same, r"wmic os get LastBootUpTime /value"),
        line(1.0, Shared(18), r#"wmic service where "name='{service}'" get state /value"#),
    ]),
    program("typeperf.exe", &[(Monitoring, 4.0)], &[
        line(1.0, Same, r#"typeperf.exe "\Processor(_Total)\% Processor Time" -sc 5 -si 1"#),
    ]),
    program("w32tm.exe", &[(Monitoring, 1.0), (Controller, 2.0), (Admin, 1.0)], &[
        line(1.0, Same, r"w32tm.exe /query /status"),
    ]),
    program("wevtutil.exe", &[(Monitoring, 3.0), (Admin, 1.0)], &[
        line(1.0, Shared(20), r"wevtutil.exe qe System /c:{digits 3} /rd:true /f:text"),
    ]),
    program("PING.EXE", &[(Monitoring, 6.0), (Admin, 5.0), (Developer, 1.0)], &[
        line(1.0, Shared(60), r"ping -n 4 {server}"),
    ]),
    program("BackupAgent.exe", &[(Backup, 24.0)], &[
        line(4.0, PerHost(10), r#""C:\Program Files\Northwind\Backup\BackupAgent.exe" --job "{host} {folder}" --mode incremental"#),
        line(1.0, Once, r#""C:\Program Files\Northwind\Backup\BackupAgent.exe" --verify --session {guid}"#),
    ]),
    program("Robocopy.exe", &[(Backup, 16.0), (Deployment, 6.0), (Admin, 3.0)], &[
        line(1.0, PerHost(24), r#"robocopy.exe "D:\{folder}" "\\contoso.com\backup$\{host}\{again}" /MIR /R:2 /W:5 /NP /LOG+:C:\Logs\robocopy.log"#),
    ]),
    program("vssadmin.exe", &[(Backup, 4.0)], &[line(1.0, Same, r"vssadmin.exe list shadows")]),
    program("wbadmin.exe", &[(Backup, 3.0), (Controller, 0.5)], &[line(1.0, Same, r"wbadmin.exe get versions")]),
    program("7z.exe", &[(Backup, 6.0), (Deployment, 3.0)], &[
        line(1.0, Once, r#""C:\Program Files\7-Zip\7z.exe" a -mx3 E:\archive\{host}-{hex 8}.7z D:\Logs\{folder}\*.log"#),
    ]),
    program("SQLCMD.EXE", &[(Database, 26.0)], &[
        line(5.0, Shared(300), r#"sqlcmd.exe -S {database server} -d {database} -E -b -Q "EXEC dbo.usp_Load{again} @batch={digits 4}""#),
        line(3.0, PerHost(12), r#"sqlcmd.exe -S localhost -E -Q "BACKUP LOG [{database}] TO DISK = N'E:\backup\{again}.trn' WITH COMPRESSION""#),
        line(1.0, Once, r#"sqlcmd.exe -S {database server} -d Staging -E -Q "DELETE FROM dbo.Batch WHERE BatchId = '{guid}'""#),
    ]),
    program("bcp.exe", &[(Database, 9.0)], &[
        line(1.0, Shared(160), r"bcp {database}.dbo.Export{digits 2} out E:\export\Export{again}.dat -S {database server} -T -n"),
    ]),
    program("DTExec.exe", &[(Database, 8.0)], &[
        line(1.0, Shared(24), r#""C:\Program Files\Microsoft SQL Server\160\DTS\Binn\DTExec.exe" /ISSERVER "\"\SSISDB\{database}\{script}.dtsx\"" /SERVER {database server} /CALLERINFO SQLAGENT"#),
    ]),
    program("w3wp.exe", &[(Web, 14.0)], &[
        line(1.0, PerHost(6), r#"c:\windows\system32\inetsrv\w3wp.exe -ap "{database}Pool" -v "v4.0" -l "webengine4.dll" -a \\.\pipe\iisipm{guid} -h "C:\inetpub\temp\apppools\{again}Pool\{again}Pool.config" -w "" -m 0 -t 20 -ta 0"#),
    ]),
    program("csc.exe", &[(Web, 12.0), (Deployment, 3.0)], &[
        line(1.0, Once, r#""C:\Windows\Microsoft.NET\Framework64\v4.0.30319\csc.exe" /noconfig /fullpaths @"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\Temporary ASP.NET Files\root\{hex 8}\{hex 8}\{hex 8}.cmdline""#),
    ]),
    program("cvtres.exe", &[(Web, 11.0), (Deployment, 3.0)], &[
        line(1.0, Once, r#"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\cvtres.exe /NOLOGO /READONLY /MACHINE:IX86 "/OUT:C:\Windows\TEMP\RES{hex 4}.tmp" "c:\Windows\TEMP\CSC{hex 8}{hex 8}.TMP""#),
    ]),
    program("appcmd.exe", &[(Web, 3.0), (Deployment, 2.0)], &[
        line(1.0, Shared(20), r#"C:\Windows\System32\inetsrv\appcmd.exe list apppool /state:Started /name:"{database}Pool""#),
    ]),
    program("Agent.Worker.exe", &[(Deployment, 8.0)], &[
        line(1.0, Once, r#""C:\agent\bin\Agent.Worker.exe" spawnclient {digits 4} {digits 4}"#),
    ]),
    program("MSBuild.exe", &[(Deployment, 10.0)], &[
        line(2.0, Shared(40), r#""C:\Program Files\Microsoft Visual Studio\2022\BuildTools\MSBuild\Current\Bin\amd64\MSBuild.exe" C:\agent\_work\{digits 2}\s\{repository}.sln /nologo /m /p:Configuration=Release"#),
        line(2.0, Same, r#""C:\Program Files\Microsoft Visual Studio\2022\BuildTools\MSBuild\Current\Bin\amd64\MSBuild.exe" /nologo /nodemode:1 /nodeReuse:true /low:false"#),
    ]),
    program("msdeploy.exe", &[(Deployment, 4.0)], &[
        line(1.0, Shared(60), r#""C:\Program Files\IIS\Microsoft Web Deploy V3\msdeploy.exe" -verb:sync -source:package="C:\drop\{repository}.zip" -dest:auto,computerName="{server}" -enableRule:DoNotDeleteRule"#),
    ]),
    program("winrs.exe", &[(Deployment, 2.0), (Admin, 1.0)], &[
        line(1.0, Shared(40), r"winrs.exe -r:{server} C:\ops\{script}.cmd"),
    ]),
    program("mmc.exe", &[(Admin, 9.0)], &[
        line(3.0, Same, r#""C:\Windows\system32\mmc.exe" "C:\Windows\system32\dsa.msc" "#),
        line(2.0, Same, r#""C:\Windows\system32\mmc.exe" "C:\Windows\system32\gpmc.msc" "#),
        line(2.0, Same, r#""C:\Windows\system32\mmc.exe" "C:\Windows\system32\eventvwr.msc" /s"#),
        line(2.0, Same, r#""C:\Windows\system32\mmc.exe" "C:\Windows\system32\services.msc" "#),
        line(1.0, Same, r#""C:\Windows\system32\mmc.exe" "C:\Windows\system32\taskschd.msc" /s"#),
    ]),
    program("ServerManager.exe", &[(Admin, 3.0)], &[line(1.0, Same, r#""C:\Windows\system32\ServerManager.exe" "#)]),
    program("Taskmgr.exe", &[(Admin, 2.0)], &[line(1.0, Same, r#""C:\Windows\system32\taskmgr.exe" /7"#)]),
    program("regedit.exe", &[(Admin, 0.8)], &[line(1.0, Same, r#""C:\Windows\regedit.exe" "#)]),
    program("net.exe", &[(Admin, 5.0), (Backup, 4.0), (Deployment, 2.0)], &[
        line(3.0, Shared(40), r"net use \\contoso.com\files\{folder}"),
        line(2.0, Shared(36), r"net start {service}"),
        line(1.0, Shared(60), r"net user adm-{last name} /domain"),
    ]),
    program("net1.exe", &[(Admin, 3.0), (Backup, 2.0), (Deployment, 1.0)], &[
        line(1.0, Shared(36), r"C:\Windows\system32\net1 start {service}"),
    ]),
    program("sc.exe", &[(Admin, 4.0), (Server, 3.0), (Monitoring, 5.0), (Deployment, 2.0)], &[
        line(3.0, Shared(36), r"sc.exe query {service}"),
        line(1.0, Shared(18), r"sc.exe start {service}"),
    ]),
    program("reg.exe", &[(Admin, 2.0), (Server, 1.0), (Monitoring, 3.0), (Deployment, 2.0), (Workstation, 0.8)], &[
        line(1.0, Shared(30), r"reg query HKLM\SOFTWARE\Contoso\{repository} /v Version"),
    ]),
    program("ipconfig.exe", &[(Admin, 3.0), (Developer, 0.4)], &[line(1.0, Same, r#""C:\Windows\system32\ipconfig.exe" /all"#)]),
    program("nslookup.exe", &[(Admin, 2.0), (Monitoring, 1.0)], &[line(1.0, Shared(40), r"nslookup {server}.contoso.com")]),
    program("whoami.exe", &[(Admin, 1.0), (Deployment, 0.4)], &[line(1.0, Same, r#""C:\Windows\system32\whoami.exe" /groups"#)]),
    program("quser.exe", &[(Admin, 1.5)], &[line(1.0, Shared(30), r"quser /server:{server}")]),
    program("gpresult.exe", &[(Admin, 1.0)], &[line(1.0, Same, r"gpresult /h C:\Temp\gp.html /f")]),
    program("repadmin.exe", &[(Controller, 2.0), (Admin, 0.6)], &[line(1.0, Same, r"repadmin.exe /replsummary")]),
    program("dcdiag.exe", &[(Controller, 1.0), (Admin, 0.4)], &[line(1.0, Same, r"dcdiag.exe /q")]),
    program("dfsrdiag.exe", &[(Controller, 2.0)], &[
        line(1.0, Same, r#"dfsrdiag.exe backlog /rgname:"Domain System Volume" /rfname:"SYSVOL Share" /smem:dc-01 /rmem:dc-02"#),
    ]),
    program("nltest.exe", &[(Controller, 0.8), (Admin, 0.5)], &[line(1.0, Same, r"nltest.exe /dsgetdc:contoso.com")]),
];
