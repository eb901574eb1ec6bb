// Builds the web UI into the folder that is named: `make ui` calls this. The output is the
// same, byte for byte, for the same sources, as it is committed: users need no Node.js.
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { build } from "esbuild";

const [out] = process.argv.slice(2);
if (!out) {
  throw new Error("name the folder to build into");
}
rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });

await build({
  entryPoints: { app: "src/main.tsx" },
  outdir: out,
  bundle: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  logLevel: "warning",
  metafile: true,
}).then(({ metafile }) => {
  const inputs = Object.keys(metafile.inputs);
  const packages = new Set(
    inputs.flatMap((path) => path.match(/node_modules\/((?:@[^/]+\/)?[^/]+)\//)?.[1] ?? []),
  );
  const texts = [...packages].sort().map((name) => {
    const { version, license } = JSON.parse(
      readFileSync(`node_modules/${name}/package.json`, "utf8"),
    );
    const text = readFileSync(`node_modules/${name}/LICENSE`, "utf8").trim();
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  const head = "app.js contains these packages.\n\n";
  writeFileSync(`${out}/LICENSES.txt`, head + texts.join(`\n${"-".repeat(72)}\n\n`));
});

await build({
  entryPoints: { app: "src/styles/app.css" },
  outdir: out,
  bundle: true,
  charset: "utf8",
  legalComments: "none",
  logLevel: "warning",
});
