//! Prints the JSON Schema of gateway.yaml: `cargo run -p gateway-config --example schema > infra/config/gateway.schema.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    writeln!(std::io::stdout(), "{:#}", gateway_config::schema())
}
