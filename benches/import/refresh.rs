//! A crowd of processes that all need one token which has ended: how often the service is asked for a new one.

use crate::support::home::Home;
use crate::support::process::Program;
use crate::support::report::Table;
use crate::support::server::{PROOF, Server};
use crate::support::{Measured, runs};

const PROCESSES: u32 = 50;
const ID: &str = "club";

/// A manifest of a service where one signs in on another device, which needs no browser.
fn manifest(service: &str, authority: &str, device: &str) -> String {
    format!(
        r#"id: {ID}
title: Club
description: A server on this machine where one signs in.
category: development
auth_strategy: oauth
credentials:
  - {{key: access_token, label: Access token, secret: true}}
  - {{key: refresh_token, label: Refresh token, secret: true, required: false}}
  - {{key: client_id, label: Client id, secret: false, required: false}}
  - {{key: client_secret, label: Client secret, secret: true, required: false}}
auth: {{type: bearer, value: "{{access_token}}"}}
servers: {{default: "{service}"}}
oauth:
  grants: [device_code]
  token_url: "{authority}/token"
  device_url: "{device}"
functions:
  - {{id: get_me, title: Get, description: Returns the member., operation: read, request: GET /me, examples: [{{arguments: {{}}}}]}}
"#
    )
}

/// The device's code; somebody has consented already.
const DEVICE: &str = r#"{"device_code":"d","user_code":"U","verification_uri":"https://club.example/device","interval":1,"expires_in":60}"#;

fn tokens(access: &str, seconds: u32) -> String {
    format!(r#"{{"access_token":"{access}","refresh_token":"r-{access}","token_type":"Bearer","expires_in":{seconds}}}"#)
}

/// Measures it.
pub fn measure() -> Measured<()> {
    let processes = runs(PROCESSES)?;
    let (service, authority, device, home) = (Server::start()?, Server::start()?, Server::start()?, Home::new()?);
    device.answer(DEVICE);
    home.provider(ID, &manifest(&service.url, &authority.url, &device.url))?;
    home.settings([ID], &service.url)?;
    // The token is the stored one, none of the environment.
    let program = Program::new(env!("CARGO_BIN_EXE_angelia"), &home.work())?.environment(home.environment("none"));
    authority.answer(&tokens("ended-soon", 1));
    program.arguments(["integrations:connect", ID, "--device", "--client-id", "bench", "--json"]).check("\"success\":true")?;
    std::thread::sleep(std::time::Duration::from_millis(1100));
    authority.answer(&tokens("lasts", 3600));

    let (asked, served) = (authority.served(), service.served());
    let call = program.arguments(["integrations:call", &format!("{ID}.get_me"), "--json"]);
    let crowd: Vec<_> = (0..processes)
        .map(|_| {
            let call = call.clone();
            std::thread::spawn(move || call.check(PROOF))
        })
        .collect();
    for one in crowd {
        one.join().map_err(|_| String::from("a thread ended early"))??;
    }
    let (asked, served) = (authority.served() - asked, service.served() - served);
    if served != u64::from(processes) {
        return Err(format!("{processes} processes made {served} calls"));
    }
    let mut table = Table::new(&format!("One token that has ended, {processes} processes at once"));
    table.judge("renewals", asked as f64, 1.0, "");
    table.print();
    Ok(())
}
