//! Docker in the distribution itself, where the image has it: no image is fetched, ours is one static program.

use super::ask::needs;
use crate::accept::bench::Bench;
use crate::accept::case::{Case, Trouble};

/// Of containers.
pub const CASES: &[Case] = &[
    Case {
        name: "docker-run",
        proves: "Docker of the distribution runs a container, made of /bin/nixos-wsl alone",
        needs: &[],
        body: |bench| {
            has_docker(bench)?;
            let script = "tar -c -C / bin/nixos-wsl | docker import - nixos-wsl-accept >/dev/null && \
                          docker run --rm nixos-wsl-accept /bin/nixos-wsl --version | cut -d ' ' -f 1";
            bench.root_script(script).prints("nixos-wsl")
        },
    },
    Case {
        name: "docker-network",
        proves: "Docker makes a network and runs a container in it",
        needs: &[],
        body: |bench| {
            has_docker(bench)?;
            let script = "docker network create accept >/dev/null && docker run --rm --network accept \
                nixos-wsl-accept \
                          /bin/nixos-wsl --version | cut -d ' ' -f 1; docker network rm accept >/dev/null";
            bench.root_script(script).prints("nixos-wsl")
        },
    },
    Case {
        name: "docker-volume",
        proves: "Docker makes a volume, and a container has it",
        needs: &[],
        body: |bench| {
            has_docker(bench)?;
            let script = "docker volume create accept && docker run --rm -v accept:/data nixos-wsl-accept \
                /bin/nixos-wsl \
                          --version >/dev/null && docker volume rm accept";
            bench.root_script(script).prints("accept\naccept")
        },
    },
    Case {
        name: "docker-after-a-restart",
        proves: "Docker and its images are there after the distribution was terminated",
        needs: &[],
        body: |bench| {
            has_docker(bench)?;
            bench.terminate()?;
            let script = "systemctl is-system-running --wait; docker run --rm nixos-wsl-accept \
                /bin/nixos-wsl --version | cut -d ' ' -f 1";
            bench.root_script(script).prints("running\nnixos-wsl")
        },
    },
];

fn has_docker(bench: &Bench) -> Result<(), Trouble> {
    needs(bench, "command -v docker >/dev/null", "virtualisation.docker.enable is off in this image")
}
