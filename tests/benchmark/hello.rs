//! The smallest program of this toolchain, to measure `snow version` against.

fn main() {
    println!("hello");
}
