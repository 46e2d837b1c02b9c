//! Programs that people start at their desks.
//!
//! Office people have no shells but `cmd.exe` and no network tools: `intrusion.rs` counts on it.

use super::Spread::*;
use super::{Program, line, program};
use crate::demo::persona::Persona::*;

#[rustfmt::skip]
pub const PROGRAMS: &[Program] = &[
    program("chrome.exe", &[(Office, 34.0), (Developer, 20.0)], &[
        line(6.0, Once, r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer --lang=en-GB --device-scale-factor=1 --num-raster-threads=4 --renderer-client-id={digits 3} --launch-time-ticks={digits 10} --field-trial-handle={session},262144 /prefetch:1"#),
        line(4.0, PerSession(30), r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=renderer --extension-process --lang=en-GB --renderer-client-id={digits 2} --field-trial-handle={session},262144 /prefetch:2"#),
        line(3.0, PerSession(1), r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=utility --utility-sub-type=network.mojom.NetworkService --lang=en-GB --service-sandbox-type=none --field-trial-handle={session},262144 /prefetch:8"#),
        line(1.5, PerSession(1), r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --type=gpu-process --gpu-preferences=WAAAAAAAAADgAAAMAAAAAAAAAAAAAAAAAABgAAEAAAA4AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA --field-trial-handle={session},262144 /prefetch:2"#),
        line(2.0, Same, r#""C:\Program Files\Google\Chrome\Application\chrome.exe" "#),
        line(1.0, Shared(200), r#""C:\Program Files\Google\Chrome\Application\chrome.exe" --single-argument https://intranet.contoso.com/{folder}/{digits 4}"#),
    ]),
    program("msedge.exe", &[(Office, 20.0), (Developer, 4.0), (Admin, 1.0)], &[
        line(5.0, Once, r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --type=renderer --lang=en-GB --js-flags=--ms-user-locale= --renderer-client-id={digits 3} --launch-time-ticks={digits 10} --field-trial-handle={session},262144 /prefetch:1"#),
        line(4.0, PerSession(4), r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --type=utility --utility-sub-type=storage.mojom.StorageService --lang=en-GB --service-sandbox-type=service --field-trial-handle={session},262144 /prefetch:8"#),
        line(3.0, Same, r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --no-startup-window --win-session-start"#),
        line(1.0, PerAccount(30), r#""C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe" --single-argument https://contoso.example.com/sites/{folder}/{digits 5}"#),
    ]),
    program("msedgewebview2.exe", &[(Office, 14.0), (Developer, 6.0)], &[
        line(3.0, PerSession(12), r#""C:\Program Files (x86)\Microsoft\EdgeWebView\Application\142.0.3595.53\msedgewebview2.exe" --type=renderer --noerrdialogs --user-data-dir="C:\Users\{user}\AppData\Local\Packages\MSTeams_8wekyb3d8bbwe\LocalCache\Microsoft\MSTeams\EBWebView" --webview-exe-name=ms-teams.exe --renderer-client-id={digits 2} --field-trial-handle={session},262144 /prefetch:1"#),
        line(2.0, PerAccount(2), r#""C:\Program Files (x86)\Microsoft\EdgeWebView\Application\142.0.3595.53\msedgewebview2.exe" --embedded-browser-webview=1 --webview-exe-name=SearchHost.exe --user-data-dir="C:\Users\{user}\AppData\Local\Packages\MicrosoftWindows.Client.CBS_cw5n1h2txyewy\LocalState\EBWebView""#),
    ]),
    program("ms-teams.exe", &[(Office, 5.0), (Developer, 2.0)], &[
        line(3.0, Same, r#""C:\Program Files\WindowsApps\MSTeams_25290.205.4069.4894_x64__8wekyb3d8bbwe\ms-teams.exe" msteams:system-initiated"#),
        line(1.0, PerAccount(20), r#""C:\Program Files\WindowsApps\MSTeams_25290.205.4069.4894_x64__8wekyb3d8bbwe\ms-teams.exe" "msteams:/l/meetup-join/19:meeting_{hex 12}@thread.v2/0""#),
    ]),
    program("OUTLOOK.EXE", &[(Office, 5.0), (Developer, 1.2)], &[
        line(4.0, Same, r#""C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE" "#),
        line(1.0, PerAccount(20), r#""C:\Program Files\Microsoft Office\root\Office16\OUTLOOK.EXE" /eml "C:\Users\{user}\Downloads\{subject}.eml""#),
    ]),
    program("EXCEL.EXE", &[(Office, 8.0), (Developer, 0.6)], &[
        line(5.0, PerAccount(60), r#""C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "C:\Users\{user}\OneDrive - Contoso\{folder}\{subject} {digits 2}.xlsx""#),
        line(3.0, Shared(300), r#""C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "\\contoso.com\files\{folder}\{subject}_{digits 4}.xlsx""#),
        line(1.0, Once, r#""C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" "C:\Users\{user}\AppData\Local\Microsoft\Windows\INetCache\Content.Outlook\{hex 8}\{subject}.xlsx""#),
        line(1.5, Same, r#""C:\Program Files\Microsoft Office\root\Office16\EXCEL.EXE" /dde"#),
    ]),
    program("WINWORD.EXE", &[(Office, 6.0), (Developer, 0.6)], &[
        line(5.0, PerAccount(50), r#""C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "C:\Users\{user}\OneDrive - Contoso\{folder}\{subject}.docx" /o """#),
        line(2.0, Shared(200), r#""C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" /n "\\contoso.com\files\Templates\{subject}.dotx" /o """#),
        line(1.0, Same, r#""C:\Program Files\Microsoft Office\root\Office16\WINWORD.EXE" -Embedding"#),
    ]),
    program("POWERPNT.EXE", &[(Office, 2.0)], &[
        line(1.0, PerAccount(20), r#""C:\Program Files\Microsoft Office\root\Office16\POWERPNT.EXE" "C:\Users\{user}\OneDrive - Contoso\{folder}\{subject}.pptx" /ou """#),
    ]),
    program("ONENOTE.EXE", &[(Office, 1.0)], &[line(1.0, Same, r#""C:\Program Files\Microsoft Office\root\Office16\ONENOTE.EXE" "#)]),
    program("ONENOTEM.EXE", &[(Office, 0.6)], &[line(1.0, Same, r#""C:\Program Files\Microsoft Office\root\Office16\ONENOTEM.EXE" /tsr"#)]),
    program("sdxhelper.exe", &[(Office, 2.0), (Developer, 0.6)], &[line(1.0, Same, r#""C:\Program Files\Microsoft Office\root\Office16\SDXHelper.exe" -Embedding"#)]),
    program("Acrobat.exe", &[(Office, 3.5), (Developer, 0.4)], &[
        line(3.0, PerAccount(60), r#""C:\Program Files\Adobe\Acrobat DC\Acrobat\Acrobat.exe" "C:\Users\{user}\Downloads\{subject} {digits 3}.pdf""#),
        line(1.0, Shared(120), r#""C:\Program Files\Adobe\Acrobat DC\Acrobat\Acrobat.exe" "\\contoso.com\files\{folder}\{subject}.pdf""#),
    ]),
    program("AcroCEF.exe", &[(Office, 3.0)], &[
        line(1.0, PerSession(3), r#""C:\Program Files\Adobe\Acrobat DC\Acrobat\acrocef_1\AcroCEF.exe" --type=renderer --log-severity=disable --lang=en-GB --field-trial-handle={session},131072 /prefetch:1"#),
    ]),
    program("RuntimeBroker.exe", &[(Office, 9.0), (Developer, 4.0)], &[line(1.0, Same, r"C:\Windows\System32\RuntimeBroker.exe -Embedding")]),
    program("smartscreen.exe", &[(Office, 4.0), (Developer, 3.0), (Admin, 1.0)], &[line(1.0, Same, r"C:\Windows\System32\smartscreen.exe -Embedding")]),
    program("explorer.exe", &[(Office, 2.0), (Developer, 1.0), (Admin, 1.0)], &[
        line(2.0, Same, r"C:\Windows\Explorer.EXE"),
        line(2.0, Same, r"C:\Windows\explorer.exe /factory,{75dff2b7-6936-4c06-a8bb-676a7b00b24b} -Embedding"),
        line(1.0, PerAccount(8), r#""C:\Windows\explorer.exe" "\\contoso.com\files\{folder}""#),
    ]),
    program("notepad.exe", &[(Office, 1.5), (Developer, 1.5), (Admin, 2.0)], &[
        line(2.0, PerAccount(12), r#""C:\Windows\system32\NOTEPAD.EXE" C:\Users\{user}\Desktop\{subject}.txt"#),
        line(1.0, Same, r#""C:\Windows\system32\notepad.exe" "#),
    ]),
    program("OneDrive.exe", &[(Office, 1.6), (Developer, 0.8)], &[
        line(1.0, Same, r#""C:\Program Files\Microsoft OneDrive\OneDrive.exe" /background"#),
    ]),
    program("SnippingTool.exe", &[(Office, 0.8), (Developer, 0.5)], &[line(1.0, Same, r#""C:\Windows\system32\SnippingTool.exe" "#)]),
    program("CalculatorApp.exe", &[(Office, 0.7)], &[line(1.0, Same, r#""C:\Program Files\WindowsApps\Microsoft.WindowsCalculator_11.2508.1.0_x64__8wekyb3d8bbwe\CalculatorApp.exe" -ServerName:App.AppXsm3pg4n7er43kdh1qp4e79f1j7am68r8.mca"#)]),
    program("splwow64.exe", &[(Office, 2.0)], &[line(1.0, Same, r"C:\Windows\splwow64.exe 8192")]),
    program("rundll32.exe", &[(Office, 1.2), (Developer, 0.6), (Workstation, 1.0)], &[
        line(3.0, Same, r"C:\Windows\System32\rundll32.exe C:\Windows\System32\shell32.dll,SHCreateLocalServerRunDll {9aa46009-3ce0-458a-a354-715610a075e6} -Embedding"),
        line(1.0, Same, r#""C:\Windows\system32\rundll32.exe" Startupscan.dll,SusRunTask"#),
    ]),
    program("7zG.exe", &[(Office, 0.6), (Developer, 0.8)], &[
        line(1.0, Once, r#""C:\Program Files\7-Zip\7zG.exe" x -o"C:\Users\{user}\Downloads\{subject}\" -spe -slp- -an -ai#7zMap{digits 5}:104:7zEvent{digits 5}"#),
    ]),
    program("Zoom.exe", &[(Office, 0.9), (Developer, 0.5)], &[
        line(1.0, PerAccount(10), r#""C:\Users\{user}\AppData\Roaming\Zoom\bin\Zoom.exe" "--url=zoommtg://contoso.example.com/join?action=join&confno={digits 11}""#),
    ]),
    program("mstsc.exe", &[(Developer, 0.8), (Admin, 8.0)], &[
        line(1.0, PerAccount(12), r#""C:\Windows\system32\mstsc.exe" /v:{server}"#),
    ]),
    program("Code.exe", &[(Developer, 11.0)], &[
        line(3.0, PerSession(8), r#""C:\Users\{user}\AppData\Local\Programs\Microsoft VS Code\Code.exe" --type=utility --utility-sub-type=node.mojom.NodeService --lang=en-GB --user-data-dir="C:\Users\{user}\AppData\Roaming\Code" --field-trial-handle={session},262144 /prefetch:8"#),
        line(2.0, PerAccount(20), r#""C:\Users\{user}\AppData\Local\Programs\Microsoft VS Code\Code.exe" C:\src\{repository}"#),
    ]),
    program("git.exe", &[(Developer, 34.0), (Deployment, 16.0)], &[
        line(6.0, Shared(40), r"git.exe -C C:\src\{repository} status --porcelain=v2 --branch"),
        line(4.0, Same, r"git.exe fetch --all --prune"),
        line(3.0, Shared(120), r"git.exe log -n {digits 2} --format=%H {branch}"),
        line(3.0, Shared(100), r"git.exe checkout {branch}"),
        line(2.0, Once, r"git.exe show --textconv {hex 12}{hex 12}{hex 12}{hex 4}:src/main.ts"),
        line(1.0, Once, r#"git.exe commit -m "{repository}: {subject} #{digits 4}""#),
    ]),
    program("cmd.exe", &[(Developer, 19.0)], &[
        line(4.0, Same, r#"C:\Windows\system32\cmd.exe /d /s /c "npm run build""#),
        line(3.0, Same, r#"C:\Windows\system32\cmd.exe /d /s /c "git.exe rev-parse --show-toplevel""#),
        line(2.0, Same, r#""C:\Windows\system32\cmd.exe" "#),
        line(2.0, Shared(40), r"C:\Windows\system32\cmd.exe /c C:\src\{repository}\build.cmd"),
        line(1.0, Once, r#"C:\Windows\system32\cmd.exe /c ""C:\Users\{user}\AppData\Local\Temp\exec{hex 8}.bat"""#),
    ]),
    program("powershell.exe", &[(Developer, 6.0)], &[
        line(3.0, Same, r#""C:\Windows\System32\WindowsPowerShell\v1.0\powershell.exe" -NoLogo"#),
        line(2.0, Shared(40), r"powershell.exe -NoProfile -ExecutionPolicy Bypass -File C:\src\{repository}\eng\{script}.ps1"),
    ]),
    program("MSBuild.exe", &[(Developer, 4.0)], &[
        line(1.0, Same, r#""C:\Program Files\Microsoft Visual Studio\2022\Professional\MSBuild\Current\Bin\amd64\MSBuild.exe" /nologo /nodemode:1 /nodeReuse:true /low:false"#),
    ]),
    program("node.exe", &[(Developer, 10.0), (Web, 3.0), (Deployment, 5.0)], &[
        line(3.0, Shared(40), r#""C:\Program Files\nodejs\node.exe" C:\src\{repository}\node_modules\.bin\..\vite\bin\vite.js build"#),
        line(2.0, Shared(40), r#""C:\Program Files\nodejs\node.exe" "C:\Program Files\nodejs\node_modules\npm\bin\npm-cli.js" ci --prefix C:\src\{repository}"#),
        line(1.0, PerAccount(30), r#""C:\Program Files\nodejs\node.exe" C:\src\{repository}\server.js --port 3{digits 3}"#),
    ]),
    program("python.exe", &[(Developer, 8.0), (Database, 4.0)], &[
        line(3.0, Shared(80), r"python.exe C:\src\etl-jobs\{script}.py --batch {digits 3}"),
        line(1.0, Same, r"python.exe -m pip install -r requirements.txt"),
        line(1.0, Shared(30), r"C:\Python313\python.exe -m pytest C:\src\{repository}\tests -q"),
    ]),
    program("dotnet.exe", &[(Developer, 8.0), (Web, 4.0), (Deployment, 10.0)], &[
        line(3.0, Shared(40), r#""C:\Program Files\dotnet\dotnet.exe" build C:\src\{repository} -c Release"#),
        line(2.0, Shared(40), r#""C:\Program Files\dotnet\dotnet.exe" test C:\src\{repository} --no-build"#),
        line(1.0, Same, r#""C:\Program Files\dotnet\dotnet.exe" exec "C:\Program Files\dotnet\sdk\9.0.306\Roslyn\bincore\VBCSCompiler.dll""#),
    ]),
    program("WindowsTerminal.exe", &[(Developer, 2.0), (Admin, 1.0)], &[line(1.0, Same, r#""C:\Program Files\WindowsApps\Microsoft.WindowsTerminal_1.23.12811.0_x64__8wekyb3d8bbwe\WindowsTerminal.exe" "#)]),
    program("pwsh.exe", &[(Developer, 5.0), (Deployment, 8.0), (Admin, 6.0)], &[
        line(3.0, Same, r#""C:\Program Files\PowerShell\7\pwsh.exe" -NoLogo"#),
        line(2.0, Shared(60), r#""C:\Program Files\PowerShell\7\pwsh.exe" -NoProfile -File C:\ops\{script}.ps1 -Target {server}"#),
    ]),
    program("ssh.exe", &[(Developer, 3.0), (Admin, 1.0)], &[
        line(1.0, PerAccount(6), r"C:\Windows\System32\OpenSSH\ssh.exe git@git.contoso.com git-upload-pack 'apps/{repository}.git'"),
    ]),
    program("docker.exe", &[(Developer, 3.0), (Deployment, 4.0)], &[
        line(2.0, Shared(40), r"docker compose -f C:\src\{repository}\compose.yaml up -d"),
        line(1.0, Shared(80), r"docker build -f C:\src\{repository}\Dockerfile -t registry.contoso.com/{again}:{digits 3} C:\src"),
    ]),
    program("wsl.exe", &[(Developer, 2.0)], &[line(1.0, Same, r#""C:\Program Files\WSL\wsl.exe" -d Ubuntu-24.04"#)]),
    program("curl.exe", &[(Developer, 1.0), (Deployment, 2.0), (Monitoring, 3.0)], &[
        line(1.0, Shared(60), r"curl.exe -s -o NUL -w %{http_code} https://{server}.contoso.com/health"),
    ]),
    program("java.exe", &[(Developer, 2.0), (Deployment, 2.0), (Web, 2.0)], &[
        line(1.0, Shared(20), r#""C:\Program Files\Eclipse Adoptium\jdk-21.0.8.9-hotspot\bin\java.exe" -Xmx2048m -jar C:\apps\{repository}.jar"#),
    ]),
];
