//! Compiles the contract without `protoc`: protox reads the `.proto` files, the descriptor set goes to reflection and to the tools made
//! from it (comments included), prost and tonic make the code.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message as _;
use protox::file::{ChainFileResolver, GoogleFileResolver, IncludeFileResolver};

const ROOT: &str = "agentqueue/v1";

#[expect(clippy::disallowed_methods, reason = "cargo tells build scripts where to write through the environment")]
fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={ROOT}");
    let mut files: Vec<PathBuf> =
        fs::read_dir(ROOT)?.map(|entry| entry.map(|entry| Path::new(ROOT).join(entry.file_name()))).collect::<Result<_, _>>()?;
    files.retain(|file| file.extension().is_some_and(|extension| extension == "proto"));
    files.sort();

    let mut resolver = ChainFileResolver::new();
    resolver.add(IncludeFileResolver::new(".".into()));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(resolver);
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&files)?;

    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    fs::write(out.join("descriptors.bin"), described(&compiler)?)?;
    tonic_prost_build::configure().compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

/// The descriptor set with its comments. Where each word of the contract stands is left out: three places of the server hold the set decoded,
/// and most of what they held was places that nobody asks for.
fn described(compiler: &protox::Compiler) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut set = compiler.file_descriptor_set();
    if set.encoded_len() != compiler.encode_file_descriptor_set().len() {
        return Err("the contract uses an option of its own, which decoding the descriptor set has lost".into());
    }
    for info in set.file.iter_mut().filter_map(|file| file.source_code_info.as_mut()) {
        info.location.retain(|place| place.leading_comments.is_some() || place.trailing_comments.is_some());
    }
    Ok(set.encode_to_vec())
}
