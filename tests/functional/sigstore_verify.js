// SPDX-License-Identifier: Apache-2.0
// node sigstore_verify.js BUNDLE PUBLIC_KEY CONTENT: verifies a sigstore bundle around a managed key.
const fs = require("fs");
const crypto = require("crypto");
const { bundleFromJSON } = require("@sigstore/bundle");
const { toSignedEntity, toTrustMaterial, Verifier } = require("@sigstore/verify");

const [bundlePath, keyPath, contentPath] = process.argv.slice(2);
const bundle = bundleFromJSON(JSON.parse(fs.readFileSync(bundlePath)));
const content = fs.readFileSync(contentPath);
const key = crypto.createPublicKey(fs.readFileSync(keyPath));
const root = {
  mediaType: "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
  tlogs: [], ctlogs: [], timestampAuthorities: [], certificateAuthorities: [],
};
const trust = toTrustMaterial(root, () => ({ publicKey: key, validFor: () => true }));
const verifier = new Verifier(trust, { tlogThreshold: 0, ctlogThreshold: 0, timestampThreshold: 0, tsaThreshold: 0 });
verifier.verify(toSignedEntity(bundle, content));
if (bundle.content.$case === "dsseEnvelope") {
  const statement = JSON.parse(bundle.content.dsseEnvelope.payload);
  const actual = crypto.createHash("sha256").update(content).digest("hex");
  if (statement.subject[0].digest.sha256 !== actual) throw new Error("the statement is about another content");
}
