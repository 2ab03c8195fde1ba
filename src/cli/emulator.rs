//! `snowgauge emulator`

use super::{CliError, Ending, failure::print};
use crate::suite::Release;
use clap::Args;
use snowgauge_emulator::{Emulator, EmulatorSettings};
use std::net::{Ipv4Addr, SocketAddr};

/// Start a local Snowflake for any client, until Ctrl-C.
///
/// It listens on this machine only and lets in whoever reaches it, with any password.
#[derive(Debug, Args)]
pub struct EmulatorArgs {
    /// Port to listen on [default: a free one].
    #[arg(long, value_name = "PORT", default_value_t = 0, hide_default_value = true)]
    port: u16,

    /// The release of the product to behave like.
    #[arg(long, value_enum, value_name = "RELEASE", default_value_t = Release::ZeroCopy)]
    release: Release,
}

pub fn emulator(args: &EmulatorArgs) -> Result<Ending, CliError> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_stack_size(snowgauge_emulator::STACK_BYTES)
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let mut settings = EmulatorSettings {
            address: SocketAddr::from((Ipv4Addr::LOCALHOST, args.port)),
            ..EmulatorSettings::default()
        };
        settings.engine.release = emulated(args.release);
        let emulator = Emulator::start(settings).await.map_err(|err| {
            CliError::new(format!("cannot listen on port {}: {err}", args.port))
                .hint("without `--port`, a free one is taken")
        })?;
        print(&settings_text(emulator.address(), args.release))?;
        tokio::signal::ctrl_c().await?;
        emulator.stop().await;
        Ok(Ending::AllPassed)
    })
}

/// The emulator's word for a release. The crates share none, since a client of the emulator
/// alone needs no suites.
fn emulated(release: Release) -> snowgauge_emulator::Release {
    match release {
        Release::Preview => snowgauge_emulator::Release::Preview,
        Release::Attached => snowgauge_emulator::Release::Attached,
        Release::Fallback => snowgauge_emulator::Release::Fallback,
        Release::ZeroCopy => snowgauge_emulator::Release::ZeroCopy,
    }
}

/// What clients need, ready to be pasted.
fn settings_text(address: SocketAddr, release: Release) -> String {
    let (host, port) = (address.ip(), address.port());
    format!(
        "emulator of release {release} on http://{address}\n\
         \n\
         # connections.toml\n\
         [emulator]\n\
         account = \"emulator\"\n\
         user = \"tester\"\n\
         password = \"any\"\n\
         protocol = \"http\"\n\
         host = \"{host}\"\n\
         port = {port}\n\
         \n\
         Ctrl-C stops it.\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_can_be_pasted() {
        let text = settings_text(SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)), Release::ZeroCopy);
        let (_, toml) = text.split_once("# connections.toml\n").unwrap();
        let (toml, _) = toml.split_once("\nCtrl-C").unwrap();
        let parsed: toml::Table = toml.parse().unwrap();
        assert_eq!(parsed["emulator"]["port"].as_integer(), Some(8080));
        assert_eq!(parsed["emulator"]["host"].as_str(), Some("127.0.0.1"));
        for (release, name) in Release::ALL.map(|it| (it, it.name())) {
            assert_eq!(emulated(release).name(), name);
        }
    }
}
