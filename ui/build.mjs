// Builds the web UI into the folder that is named: `make ui` calls this. The output is the
// same, byte for byte, for the same sources, as it is committed: users need no Node.js.
//
// `app.js` has what the first page needs. Each section of pages is a file of its own, which
// the browser loads after that; what several of them share is in `shared-<n>.js`.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { build } from "esbuild";

const [out] = process.argv.slice(2);
if (!out) {
  throw new Error("name the folder to build into");
}

const common = {
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
  outdir: out,
  write: false,
};

const scripts = await build({
  ...common,
  entryPoints: { app: "src/main.tsx" },
  chunkNames: "[hash]",
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  splitting: true,
  target: "es2022",
});
const styles = await build({ ...common, entryPoints: { app: "src/styles/app.css" } });

/** The names of the built scripts, by the names that esbuild gives: those have hashes. */
function namesOf(outputs) {
  const names = new Map();
  const shared = [];
  for (const [path, { entryPoint, inputs }] of Object.entries(outputs)) {
    const given = basename(path);
    if (entryPoint === "src/main.tsx") {
      names.set(given, "app.js");
    } else if (entryPoint) {
      names.set(given, `${basename(dirname(entryPoint))}.js`);
    } else {
      shared.push([Object.keys(inputs).sort().join(), given]);
    }
  }
  for (const [index, [, given]] of shared.sort().entries()) {
    names.set(given, `shared-${index + 1}.js`);
  }
  return names;
}

/** The licences of the packages that are in the scripts. */
function licences(inputs) {
  const found = inputs.map((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1]);
  const packages = [...new Set(found)].filter(Boolean).sort();
  const texts = packages.map((name) => {
    const folder = `node_modules/${name}`;
    const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, "utf8"));
    const text = readFileSync(`${folder}/LICENSE`, "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  const head = "The scripts in this folder contain these packages.\n\n";
  return head + texts.join(`\n${"-".repeat(72)}\n\n`);
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const names = namesOf(scripts.metafile.outputs);
for (const { path, text } of scripts.outputFiles) {
  const renamed = text.replace(/"\.\/([A-Z0-9]+\.js)"/g, (whole, given) =>
    names.has(given) ? `"./${names.get(given)}"` : whole,
  );
  writeFileSync(`${out}/${names.get(basename(path))}`, renamed);
}
for (const { path, text } of styles.outputFiles) {
  writeFileSync(`${out}/${basename(path)}`, text);
}
writeFileSync(`${out}/LICENSES.txt`, licences(Object.keys(scripts.metafile.inputs)));
