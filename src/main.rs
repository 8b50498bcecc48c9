//! The `snow` program.

fn main() -> std::process::ExitCode {
    snow_connect::main()
}
