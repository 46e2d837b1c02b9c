//! A bucket as S3 shows it to those who only put and delete: every list of it is empty.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// What a put with `If-None-Match: *` does where there is an object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Conditions {
    /// It is refused.
    Kept,
    /// It is done.
    Forgotten,
    /// It is not understood, wherever it is.
    Unknown,
}

/// The server, up to the end of the test's process.
pub struct Bucket {
    endpoint: String,
    objects: Arc<Mutex<Vec<String>>>,
    puts: Arc<Mutex<Vec<String>>>,
}

impl Bucket {
    pub fn serve(conditions: Conditions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let bucket = Self {
            endpoint: format!("http://{}", listener.local_addr().unwrap()),
            objects: Arc::default(),
            puts: Arc::default(),
        };
        let (objects, puts) = (Arc::clone(&bucket.objects), Arc::clone(&bucket.puts));
        thread::spawn(move || {
            for call in listener.incoming().flatten() {
                answer(call, conditions, &objects, &puts);
            }
        });
        bucket
    }

    /// How to reach it.
    pub fn environment(&self) -> [(&'static str, &str); 5] {
        [
            ("AWS_ENDPOINT", &self.endpoint),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_ACCESS_KEY_ID", "a"),
            ("AWS_SECRET_ACCESS_KEY", "b"),
            ("AWS_REGION", "eu-north-1"),
        ]
    }

    /// The same as the `options` of a sink.
    pub fn options(&self, more: &str) -> String {
        let options = self.environment();
        let options = options.map(|(key, value)| format!("{} = \"{value}\"", key.to_lowercase()));
        format!("{{ {}{more} }}", options.join(", "))
    }

    /// The paths of what is in it.
    pub fn objects(&self) -> Vec<String> {
        self.objects.lock().unwrap().clone()
    }

    /// The paths of all that was put into it.
    pub fn puts(&self) -> Vec<String> {
        self.puts.lock().unwrap().clone()
    }
}

fn answer(
    mut call: TcpStream,
    conditions: Conditions,
    objects: &Mutex<Vec<String>>,
    puts: &Mutex<Vec<String>>,
) {
    let mut reader = BufReader::new(call.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) <= 2 {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let Some(request) = head.first() else { return };
    let value = |name: &str| {
        let headers = head.iter().filter_map(|line| line.split_once(": "));
        let mut found = headers.filter(|(header, _)| header.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value)
    };
    let length = value("content-length").map_or(0, |length| length.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();

    let mut words = request.split(' ').map(str::to_owned);
    let (method, path) = (words.next().unwrap(), words.next().unwrap());
    let (mut objects, mut puts) = (objects.lock().unwrap(), puts.lock().unwrap());
    let (status, text) = match method.as_str() {
        "PUT" => {
            let is_there = objects.contains(&path);
            puts.push(path.clone());
            match value("if-none-match").and(Some(conditions)) {
                Some(Conditions::Unknown) => ("501 Not Implemented", String::new()),
                Some(Conditions::Kept) if is_there => ("412 Precondition Failed", String::new()),
                _ => {
                    objects.retain(|object| *object != path);
                    objects.push(path);
                    ("200 OK", String::new())
                }
            }
        }
        "POST" if path.ends_with("?delete") => {
            let body = String::from_utf8(body).unwrap();
            let key = body.split("<Key>").nth(1).unwrap().split("</Key>").next();
            let key = key.unwrap();
            objects.retain(|object| *object != format!("/lake/{key}"));
            let deleted = format!("<Deleted><Key>{key}</Key></Deleted>");
            ("200 OK", format!("<DeleteResult>{deleted}</DeleteResult>"))
        }
        "GET" if path.contains("list-type=2") => {
            ("200 OK", "<ListBucketResult></ListBucketResult>".to_owned())
        }
        _ => ("404 Not Found", String::new()),
    };
    let length = text.len();
    let head = format!(
        "HTTP/1.1 {status}\r\nETag: \"e\"\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    );
    let _ = call.write_all(format!("{head}{text}").as_bytes());
}
