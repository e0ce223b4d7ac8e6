// node gltf_validate.js FILE...: prints what the Khronos glTF validator says of each file, as one JSON object.
const fs = require("fs");
const validator = require("gltf-validator");

async function main(paths) {
  const reports = {};
  for (const path of paths) {
    const report = await validator.validateBytes(new Uint8Array(fs.readFileSync(path)), { maxIssues: 20 });
    reports[path] = report.issues;
  }
  console.log(JSON.stringify(reports));
}

main(process.argv.slice(2));
