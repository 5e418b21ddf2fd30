//! `cargo xtask test platforms`: sabrpc's example `round-trip` wherever sabrpc runs. It is built with and without
//! optimisation and by wasm-opt, for pages without a bundler, for webpack, Vite and trunk, and for Node; each of them
//! makes blocking calls, in each browser, under a strict Content-Security-Policy.

mod build;
mod node;
mod pages;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};

use crate::flags::TestFlags;
use crate::tally::Tally;
use crate::webdriver::Browser;
use crate::{project, setup, shell};

use build::{Build, Target};
use node::Node;
pub(crate) use node::find as find_node;
use pages::{NO_WORKERS, Page, STRICT, STRICT_WITH_NONCE, TOO_STRICT};

/// For Node to come to its end, on a loaded machine.
const NODE: Duration = Duration::from_secs(60);

/// The folder of the example.
fn example() -> PathBuf {
    project::root().join("sabrpc/examples/round-trip")
}

/// Runs the example everywhere.
pub(crate) fn run(flags: &TestFlags) -> Result<Tally> {
    let node = Node::prepare()?;
    build::modules(&node)?;
    let mut tests = Tests::default();
    in_node(&node, &mut tests);

    let mut all = Vec::new();
    let mut add = |tests: &mut Tests, name: &str, policy, folder: Result<PathBuf>| match folder {
        Ok(folder) => all.push(Page { name: name.to_owned(), folder, policy, says: pages::OK }),
        Err(error) => tests.take(name, || Err(error)),
    };
    for build in Build::ALL {
        let name = |platform: &str| format!("{platform}, {}", build.name());
        let web = build::project(&node, "web", Target::Web, build);
        add(&mut tests, &name("no bundler"), STRICT, web);
        let webpack = build::project(&node, "webpack", Target::Bundler, build);
        let webpack = webpack.and_then(|folder| build::webpack(&node, &folder));
        add(&mut tests, &name("webpack"), STRICT, webpack);
        let vite = build::project(&node, "vite", Target::Web, build);
        let vite = vite.and_then(|folder| build::vite(&node, &folder));
        add(&mut tests, &name("vite"), STRICT, vite);
    }
    // The other way round: each bundler with the other target's bindings.
    let of = |platform: &str| node.folder.join(format!("{platform}-{}", Build::Release.name()));
    let webpack = build::webpack_with(&node, &of("vite"), "../webpack-release/webpack.config.js");
    add(&mut tests, "webpack, release, --target web", STRICT, webpack);
    let vite = build::vite_with(&node, &of("webpack"), "../vite-release/vite.config.js");
    add(&mut tests, "vite, release, --target bundler", STRICT, vite);
    match setup::find_trunk()? {
        // With --release, trunk calls wasm-opt by what the page says.
        Some(trunk) => {
            for build in [Build::Debug, Build::Optimised] {
                let folder = build::trunk(&node, &trunk, build);
                add(&mut tests, &format!("trunk, {}", build.name()), STRICT_WITH_NONCE, folder);
            }
        }
        None => println!("skipped: trunk is not installed; `cargo xtask setup --trunk` builds it"),
    }
    let web = of("web");
    all.push(Page {
        name: "a page that may not compile wasm says so: the policy is in force".to_owned(),
        folder: web.clone(),
        policy: TOO_STRICT,
        says: "failed:",
    });
    all.push(Page {
        name: "a page that may start no workers says so".to_owned(),
        folder: web.clone(),
        policy: NO_WORKERS,
        says: pages::NOT_LOADED,
    });
    for (name, folder) in [
        ("vite", build::vite(&node, &web)),
        ("webpack", build::webpack_with(&node, &web, "../webpack-release/webpack.config.js")),
    ] {
        let name = format!("{name}, where no script of the page makes the workers");
        match folder {
            Ok(folder) => all.push(Page { name, folder, policy: STRICT, says: pages::BUNDLED }),
            Err(error) => tests.take(&name, || Err(error)),
        }
    }

    for &kind in &flags.browsers {
        let name = kind.name();
        let browser = match Browser::start(kind) {
            Ok(browser) => browser,
            Err(error) => {
                tests.take(name, || Err(error));
                continue;
            }
        };
        for page in &all {
            tests.take(&format!("{name}: {}", page.name), || pages::load(&browser, page));
        }
        tests.take(&format!("{name}: scripts of another origin"), || {
            pages::load_from_elsewhere(&browser, &web)
        });
        tests.take(&format!("{name}: vite's development server"), || {
            let folder = node.folder.join(format!("vite-{}", Build::Debug.name()));
            pages::load_from_vite(&browser, &node, &folder)
        });
    }
    Ok(tests.tally)
}

fn in_node(node: &Node, tests: &mut Tests) {
    // Node 20 has no multi-memory.
    let says = if node.major < 22 { "ok: 100 blocking calls by js," } else { pages::OK };
    for build in Build::ALL {
        tests.take(&format!("node, {}", build.name()), || {
            let folder = build::project(node, "node", Target::Web, build)?;
            says_in_node(node, &folder, &["main.js"], says)
        });
    }
    tests.take("node, release, --target experimental-nodejs-module", || {
        let folder = build::project(node, "node", Target::Node, Build::Release)?;
        says_in_node(node, &folder, &["module.js"], says)
    });
    let folder = build::project_of(
        node,
        &project::root().join("sabrpc/tests/node"),
        "node-own",
        Target::Web,
        Build::Release,
    );
    for (how, told) in [
        ("start", "failed: worker 'echo_worker' failed to start: no such luck"),
        ("throw", "failed: no server: it died"),
        ("reject", "failed: no server: it died"),
        ("exit", "failed: no server: it died"),
    ] {
        tests.take(&format!("node, workers of its own, one of which fails: {how}"), || match &folder {
            Ok(folder) => says_in_node(node, folder, &["main.js", how], told),
            Err(error) => bail!("{error:#}"),
        });
    }
}

/// Runs a script, which has to say this and to come to its end.
fn says_in_node(node: &Node, folder: &Path, arguments: &[&str], says: &str) -> Result<()> {
    let mut said = false;
    let look = |line: &str| said |= line.starts_with(says);
    let status = shell::run_lines(node.script(arguments).current_dir(folder), NODE, look)?;
    ensure!(said && status.success(), "it ended with {status} and should say '{says}'");
    Ok(())
}

/// The tests so far.
#[derive(Default)]
struct Tests {
    tally: Tally,
}

impl Tests {
    fn take(&mut self, name: &str, test: impl FnOnce() -> Result<()>) {
        let start = Instant::now();
        let outcome = test();
        let seconds = start.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                println!("test {name} ... ok ({seconds:.1} s)");
                self.tally += Tally::PASSED;
            }
            Err(error) => {
                println!("test {name} ... FAILED ({seconds:.1} s)\n  {error:#}");
                self.tally += Tally::FAILED;
            }
        }
    }
}
