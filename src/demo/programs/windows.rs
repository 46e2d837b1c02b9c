//! Programs that Windows starts by itself, under machine and built-in accounts.

use super::Spread::*;
use super::{Program, line, program};
use crate::demo::persona::Persona::*;

#[rustfmt::skip]
pub const PROGRAMS: &[Program] = &[
    program("svchost.exe", &[(Workstation, 40.0), (Server, 34.0), (Controller, 34.0)], &[
        line(8.0, Shared(400), r"C:\Windows\system32\svchost.exe -k {service host}"),
        line(2.0, Shared(60), r"C:\Windows\System32\svchost.exe -k {service host}"),
    ]),
    program("conhost.exe", &[(Workstation, 6.0), (Server, 18.0), (Controller, 12.0), (BuiltIn, 2.0),
            (Monitoring, 24.0), (Backup, 20.0), (Database, 24.0), (Web, 8.0), (Deployment, 26.0),
            (Developer, 22.0), (Admin, 20.0)], &[
        line(9.0, Same, r"\??\C:\Windows\system32\conhost.exe 0xffffffff -ForceV1"),
        line(1.0, Same, r"\??\C:\Windows\system32\conhost.exe 0x4"),
    ]),
    program("backgroundTaskHost.exe", &[(Workstation, 6.0), (Office, 8.0), (Developer, 3.0)], &[
        line(1.0, Shared(40), r#""C:\Windows\system32\backgroundTaskHost.exe" -ServerName:{packaged app}"#),
    ]),
    program("taskhostw.exe", &[(Workstation, 12.0), (Server, 10.0), (Controller, 8.0), (BuiltIn, 10.0), (Office, 4.0)], &[
        line(4.0, Same, r"taskhostw.exe"),
        line(5.0, Shared(30), r"taskhostw.exe {task host}"),
    ]),
    program("dllhost.exe", &[(Workstation, 8.0), (Server, 8.0), (Controller, 4.0), (BuiltIn, 5.0), (Office, 9.0), (Developer, 4.0), (Admin, 3.0)], &[
        line(1.0, Shared(80), r"C:\Windows\system32\DllHost.exe /Processid:{class id}"),
    ]),
    program("WmiPrvSE.exe", &[(Workstation, 7.0), (Server, 12.0), (Controller, 10.0), (BuiltIn, 18.0)], &[
        line(7.0, Same, r"C:\Windows\system32\wbem\wmiprvse.exe -secured -Embedding"),
        line(3.0, Same, r"C:\Windows\system32\wbem\wmiprvse.exe -Embedding"),
        line(0.6, Same, r"C:\Windows\sysWOW64\wbem\wmiprvse.exe -secured -Embedding"),
    ]),
    program("MpCmdRun.exe", &[(Workstation, 4.0), (Server, 5.0), (Controller, 4.0), (BuiltIn, 12.0)], &[
        line(4.0, Once, r#""C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.26090.9-0\MpCmdRun.exe" SpyNetServiceDss -RestrictPrivileges -AccessKey {guid} -Reinvoke"#),
        line(2.0, Same, r#""C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.26090.9-0\MpCmdRun.exe" SignatureUpdate -ScheduleJob -RestrictPrivileges -Reinvoke"#),
        line(2.0, Once, r#""C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.26090.9-0\MpCmdRun.exe" GetDeviceTicket -AccessKey {guid}"#),
        line(1.0, Same, r#""C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.26090.9-0\MpCmdRun.exe" Scan -ScheduleJob -RestrictPrivileges -DailyScan -ScanTrigger 55"#),
    ]),
    program("MsMpEng.exe", &[(Workstation, 0.3), (Server, 0.3), (Controller, 0.3)], &[
        line(1.0, Same, r#""C:\ProgramData\Microsoft\Windows Defender\Platform\4.18.26090.9-0\MsMpEng.exe""#),
    ]),
    program("SearchProtocolHost.exe", &[(Workstation, 9.0)], &[
        line(1.0, PerHost(400), r#""C:\Windows\system32\SearchProtocolHost.exe" Global\UsGthrFltPipeMssGthrPipe{digits 3}_ Global\UsGthrCtrlFltPipeMssGthrPipe{again} 1 -2147483646 "Software\Microsoft\Windows Search" "Mozilla/4.0 (compatible; MSIE 6.0; Windows NT; MS Search 4.0 Robot)" "C:\ProgramData\Microsoft\Search\Data\Temp\usgthrsvc" "DownLevelDaemon""#),
    ]),
    program("SearchFilterHost.exe", &[(Workstation, 8.0)], &[
        line(1.0, PerHost(250), r#""C:\Windows\system32\SearchFilterHost.exe" 0 {digits 3} {digits 3} {digits 3} 8192 {digits 3}"#),
    ]),
    program("sppsvc.exe", &[(Workstation, 2.0), (Server, 2.0), (Controller, 2.0), (BuiltIn, 5.0)], &[
        line(1.0, Same, r"C:\Windows\system32\sppsvc.exe"),
    ]),
    program("SppExtComObj.Exe", &[(BuiltIn, 4.0)], &[
        line(1.0, Same, r"C:\Windows\system32\SppExtComObj.exe -Embedding"),
    ]),
    program("audiodg.exe", &[(BuiltIn, 5.0)], &[
        line(1.0, PerHost(40), r"C:\Windows\system32\AUDIODG.EXE 0x{hex 3}"),
    ]),
    program("WUDFHost.exe", &[(BuiltIn, 1.5)], &[
        line(1.0, Once, r#""C:\Windows\System32\WUDFHost.exe" -HostGUID:{193a1820-d9ac-4997-8c55-be817523f6aa} -IoEventPortName:\UMDFCommunicationPorts\WUDF\HostProcess-{guid} -SystemEventPortName:\UMDFCommunicationPorts\WUDF\HostProcess-{guid}"#),
    ]),
    program("TrustedInstaller.exe", &[(Workstation, 0.8), (Server, 0.8), (Controller, 0.8)], &[
        line(1.0, Same, r"C:\Windows\servicing\TrustedInstaller.exe"),
    ]),
    program("TiWorker.exe", &[(Workstation, 0.8), (Server, 0.8), (Controller, 0.8)], &[
        line(1.0, PerHost(2), r"C:\Windows\winsxs\amd64_microsoft-windows-servicingstack_31bf3856ad364e35_10.0.20348.2700_none_{hex 12}\TiWorker.exe -Embedding"),
    ]),
    program("msiexec.exe", &[(Workstation, 1.5), (Server, 1.0), (Controller, 0.3), (Admin, 1.0)], &[
        line(5.0, Same, r"C:\Windows\system32\msiexec.exe /V"),
        line(4.0, Once, r"C:\Windows\System32\MsiExec.exe -Embedding {hex 8}{hex 8}{hex 8}{hex 8}"),
        line(2.0, Once, r"C:\Windows\syswow64\MsiExec.exe -Embedding {hex 8}{hex 8}{hex 8}{hex 8} E Global\MSI0000"),
    ]),
    program("MoUsoCoreWorker.exe", &[(Workstation, 2.0), (Server, 1.5), (Controller, 1.5)], &[
        line(1.0, Same, r"C:\Windows\uus\AMD64\MoUsoCoreWorker.exe"),
    ]),
    program("CompatTelRunner.exe", &[(Workstation, 1.4), (Server, 0.5)], &[
        line(4.0, Same, r"C:\Windows\system32\compattelrunner.exe"),
        line(3.0, Same, r"C:\Windows\system32\compattelrunner.exe -m:appraiser.dll -f:DoScheduledTelemetryRun"),
        line(2.0, Same, r"C:\Windows\system32\compattelrunner.exe -maintenance"),
    ]),
    program("MicrosoftEdgeUpdate.exe", &[(Workstation, 4.0), (Server, 2.5), (Controller, 2.0)], &[
        line(6.0, Same, r#""C:\Program Files (x86)\Microsoft\EdgeUpdate\MicrosoftEdgeUpdate.exe" /ua /installsource scheduler"#),
        line(2.0, Same, r#""C:\Program Files (x86)\Microsoft\EdgeUpdate\MicrosoftEdgeUpdate.exe" /c"#),
        line(2.0, Same, r#""C:\Program Files (x86)\Microsoft\EdgeUpdate\MicrosoftEdgeUpdate.exe" /svc"#),
    ]),
    program("updater.exe", &[(Workstation, 3.0)], &[
        line(1.0, Same, r#""C:\Program Files (x86)\Google\GoogleUpdater\142.0.7416.0\updater.exe" --wake --system"#),
    ]),
    program("mscorsvw.exe", &[(Workstation, 2.0), (Server, 2.0), (Controller, 0.5)], &[
        line(1.0, PerHost(300), r#"C:\Windows\Microsoft.NET\Framework64\v4.0.30319\mscorsvw.exe -StartupEvent {hex 3} -InterruptEvent 0 -NGENProcess {hex 3} -Pipe {hex 3} -Comment "NGen Worker Process""#),
    ]),
    program("AgentExecutor.exe", &[(Workstation, 2.2)], &[
        line(1.0, Shared(36), r#""C:\Program Files (x86)\Microsoft Intune Management Extension\agentexecutor.exe" -remediationScript "C:\Windows\IMECache\HealthScripts\{guid}_1\detect.ps1" "C:\Windows\system32\WindowsPowerShell\v1.0" 0"#),
    ]),
    program("SenseCncProxy.exe", &[(Workstation, 1.6), (Server, 1.6), (Controller, 1.6)], &[
        line(1.0, Same, r#""C:\Program Files\Windows Defender Advanced Threat Protection\SenseCncProxy.exe""#),
    ]),
    program("consent.exe", &[(Workstation, 1.2), (Server, 0.2)], &[
        line(1.0, Once, r"consent.exe {digits 4} {digits 3} 000001{hex 10}"),
    ]),
    program("LogonUI.exe", &[(Workstation, 1.5), (Server, 0.4), (Controller, 0.2)], &[
        line(4.0, Same, r#""LogonUI.exe" /flags:0x2 /state0:0xa3d2f055 /state1:0x41c64e6d"#),
        line(1.0, Same, r#""LogonUI.exe" /flags:0x4 /state0:0xa3d5a855 /state1:0x41c64e6d"#),
    ]),
    program("csrss.exe", &[(Workstation, 0.8), (Server, 0.5), (Controller, 0.3)], &[
        line(1.0, Same, r"%SystemRoot%\system32\csrss.exe ObjectDirectory=\Windows SharedSection=1024,20480,768 Windows=On SubSystemType=Windows ServerDll=basesrv,1 ServerDll=winsrv:UserServerDllInitialization,3 ServerDll=sxssrv,4 ProfileControl=Off MaxRequestThreads=16"),
    ]),
    program("winlogon.exe", &[(Workstation, 0.8), (Server, 0.5), (Controller, 0.3)], &[line(1.0, Same, r"winlogon.exe")]),
    program("dwm.exe", &[(Workstation, 0.8), (Server, 0.5), (Controller, 0.3)], &[line(1.0, Same, r#""dwm.exe""#)]),
    program("fontdrvhost.exe", &[(Workstation, 0.8), (Server, 0.5), (Controller, 0.3)], &[line(1.0, Same, r#""fontdrvhost.exe""#)]),
    program("gpupdate.exe", &[(Workstation, 2.0), (Server, 1.0), (Controller, 1.0), (Admin, 2.0)], &[
        line(5.0, Same, r"gpupdate.exe /target:computer"),
        line(2.0, Same, r#""C:\Windows\system32\gpupdate.exe" /force"#),
    ]),
    program("schtasks.exe", &[(Workstation, 1.2), (Server, 2.0), (Controller, 1.0), (Deployment, 2.0), (Admin, 2.0)], &[
        line(4.0, Shared(60), r#"schtasks.exe /query /tn "\Contoso\{script}" /xml"#),
        line(3.0, Shared(60), r#"schtasks /run /tn "\Contoso\{script}""#),
        line(1.0, Shared(12), r#"schtasks /change /tn "\Contoso\{script}" /enable"#),
    ]),
    program("powershell.exe", &[(Workstation, 2.2), (Server, 4.0), (Controller, 4.0), (Monitoring, 8.0), (Backup, 8.0), (Database, 5.0), (Web, 2.0), (Deployment, 12.0), (Admin, 20.0)], &[
        line(8.0, Shared(120), r#""C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoProfile -NonInteractive -ExecutionPolicy Bypass -File "C:\ProgramData\Contoso\Scripts\{script}.ps1""#),
        line(3.0, Shared(90), r#"powershell.exe -NoLogo -NonInteractive -Command "& {Get-Service {service} | Select-Object Status}""#),
        line(2.0, Shared(60), r"powershell.exe -ExecutionPolicy RemoteSigned -File \\contoso.com\NETLOGON\{script}.ps1"),
        line(1.0, Once, r#"powershell.exe -NoProfile -Command "& 'C:\ProgramData\Contoso\Scripts\{script}.ps1' -RunId {guid}""#),
    ]),
    program("cmd.exe", &[(Workstation, 2.0), (Server, 6.0), (Controller, 3.0), (Monitoring, 8.0), (Backup, 10.0), (Database, 12.0), (Web, 3.0), (Deployment, 18.0), (Admin, 8.0)], &[
        line(5.0, Shared(80), r#"C:\Windows\system32\cmd.exe /c ""C:\ProgramData\Contoso\Scripts\{script}.cmd"""#),
        line(2.0, PerHost(8), r#"C:\Windows\system32\cmd.exe /c "dir /s /b D:\Data\{folder} > C:\Temp\{script}.txt""#),
        line(1.0, Once, r"cmd /c echo {script} >> C:\Temp\job-{hex 8}.log"),
    ]),
    program("cmd.exe", &[(Admin, 6.0)], &[line(1.0, Same, r#""C:\Windows\system32\cmd.exe" "#)]),
    program("cmd.exe", &[(Office, 1.5)], &[
        line(4.0, Same, r#"C:\Windows\system32\cmd.exe /c "\\contoso.com\NETLOGON\logon.cmd""#),
        line(1.0, Same, r#""C:\Windows\system32\cmd.exe" "#),
    ]),
];
