//! The address on this machine to which a managed login sends the browser back. It is a small web server that takes one request, only on the
//! loopback addresses.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use diagnostics::{Code, Error, Result, mention};
use secret::Secret;

/// The time limit of a browser for its request. A connection without a request does not disturb others, because each has its own thread.
const REQUEST_TIME: Duration = Duration::from_secs(10);
/// The longest head of a request, in bytes.
const LONGEST_HEAD: usize = 16 * 1024;

/// Waits for the browser to come back.
#[derive(Debug)]
pub struct CallbackListener {
    arrivals: Receiver<Arrival>,
}

/// A browser that came back and waits for a page.
#[derive(Debug)]
pub struct Arrival {
    stream: TcpStream,
    /// The query of the address, which may hold a code.
    pub query: Secret,
}

impl CallbackListener {
    /// Listens on a port of both loopback addresses, because `localhost` may be either. Only takes requests for this path.
    ///
    /// # Errors
    /// Another program uses the port.
    pub fn bind(port: u16, path: &'static str) -> Result<Self> {
        let busy = |error: io::Error| {
            Error::failed(
                Code::BrowserSignIn,
                "sign-in in the browser",
                format!("cannot listen on port {port} of this machine: {error}"),
            )
            .hint(concat!(
                "end the program that has it (perhaps a sign-in in another terminal), or give another port with ",
                mention!("callback-port"),
                " that the app client allows"
            ))
        };
        let (send, arrivals) = mpsc::channel();
        let four = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).map_err(busy)?;
        listen(four, path, send.clone());
        match TcpListener::bind(SocketAddr::from((Ipv6Addr::LOCALHOST, port))) {
            Ok(six) => listen(six, path, send),
            // A browser that tries this address first would send the code to another program.
            Err(error) if error.kind() == ErrorKind::AddrInUse => return Err(busy(error)),
            Err(_) => {}
        }
        Ok(Self { arrivals })
    }

    /// Returns the next browser that comes back before `until`, or `None`.
    pub fn next(&self, until: Instant) -> Option<Arrival> {
        let left = until.saturating_duration_since(Instant::now());
        self.arrivals.recv_timeout(left).ok()
    }
}

fn listen(listener: TcpListener, path: &'static str, send: Sender<Arrival>) {
    // The thread ends with the process.
    thread::spawn(move || {
        for stream in listener.incoming().filter_map(io::Result::ok) {
            let send = send.clone();
            thread::spawn(move || {
                if let Some(arrival) = arrive(stream, path) {
                    let _ = send.send(arrival);
                }
            });
        }
    });
}

/// Reads one request. Requests for other paths are answered here.
fn arrive(mut stream: TcpStream, path: &str) -> Option<Arrival> {
    stream.set_read_timeout(Some(REQUEST_TIME)).ok()?;
    stream.set_write_timeout(Some(REQUEST_TIME)).ok()?;
    let head = read_head(&mut stream)?;
    let target = head.expose().strip_prefix("GET ")?.split(' ').next()?;
    let (asked, query) = target.split_once('?').unwrap_or((target, ""));
    if asked != path {
        let _ = write_page(&mut stream, "404 Not Found", "Not here", "Nothing is at this address.");
        return None;
    }
    Some(Arrival {
        query: Secret::new(query),
        stream,
    })
}

fn read_head(stream: &mut TcpStream) -> Option<Secret> {
    let mut head = zeroize::Zeroizing::new(Vec::with_capacity(LONGEST_HEAD));
    let mut piece = zeroize::Zeroizing::new([0; 1024]);
    let until = Instant::now() + REQUEST_TIME;
    while !head.windows(4).any(|end| end == b"\r\n\r\n") {
        let read = stream.read(&mut *piece).ok().filter(|read| *read > 0)?;
        if head.len() + read > LONGEST_HEAD || Instant::now() > until {
            return None;
        }
        head.extend_from_slice(&piece[..read]);
    }
    std::str::from_utf8(&head).ok().map(Secret::new)
}

impl Arrival {
    /// Shows the last page of the sign-in. A closed browser is ignored.
    pub fn show(mut self, title: &str, text: &str) {
        let _ = write_page(&mut self.stream, "200 OK", title, text);
    }
}

fn write_page(stream: &mut TcpStream, status: &str, title: &str, text: &str) -> io::Result<()> {
    let (title, text) = (escaped(title), escaped(text).replace('\n', "<br>"));
    let page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <style>body{{font:18px/1.5 sans-serif;max-width:36em;margin:4em auto;padding:0 1em}}</style></head>\
         <body><h1>{title}</h1><p>{text}</p></body></html>"
    );
    write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n\r\n{page}",
        page.len()
    )?;
    stream.flush()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn free_port() -> u16 {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        listener.local_addr().unwrap().port()
    }

    fn ask(port: u16, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    fn heard(mut stream: TcpStream) -> String {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn only_the_path_arrives_and_a_silent_connection_disturbs_nobody() {
        let port = free_port();
        let listener = CallbackListener::bind(port, "/callback").unwrap();
        let _silent = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        let icon = ask(port, "GET /favicon.ico HTTP/1.1\r\n\r\n");
        assert!(heard(icon).starts_with("HTTP/1.1 404 "));
        for other in ["POST /callback?code=x HTTP/1.1\r\n\r\n", "nonsense\r\n\r\n"] {
            assert_eq!(heard(ask(port, other)), "", "{other}");
        }
        let browser = ask(port, "GET /callback?code=c&state=s HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let arrival = listener.next(Instant::now() + REQUEST_TIME).unwrap();
        assert_eq!(arrival.query.expose(), "code=c&state=s");
        arrival.show("Signed in as <b>", "a & b");
        let page = heard(browser);
        assert!(page.starts_with("HTTP/1.1 200 OK\r\n"), "{page}");
        assert!(
            page.contains("<h1>Signed in as &lt;b&gt;</h1><p>a &amp; b</p>"),
            "{page}"
        );
        assert!(listener.next(Instant::now()).is_none());
    }

    #[test]
    fn a_busy_port_is_told() {
        let held = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = held.local_addr().unwrap().port();
        let error = CallbackListener::bind(port, "/callback").unwrap_err();
        assert!(error.to_string().contains(&format!("port {port}")), "{error}");
        assert!(error.hint_text().unwrap().contains("another port with callback-port"));
    }
}
