// What validators.py recorded, held against the published schemas; then Octokit as a second client of the same forge.
import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { verify } from "@octokit/webhooks-methods";
import { Octokit } from "@octokit/rest";

const input = JSON.parse(readFileSync(process.argv[2], "utf8"));
const ERRORS_SHOWN = 12;
// The two sets of webhook schemas contradict each other here: one wants the key, the other forbids every further one.
const CONTRADICTIONS = [{ root: "openapi", name: "webhook status", path: "/commit/commit/verification", missing: "verified_at" }];
let failures = 0;

function fail(text) {
  failures++;
  console.log(text);
}

function expect(what, got, want) {
  if (JSON.stringify(got) !== JSON.stringify(want)) fail(`${what}: ${JSON.stringify(got)}, ${JSON.stringify(want)} was expected`);
}

// A JSON pointer in a URI fragment.
const pointer = (words) => words.map((word) => encodeURIComponent(word.replaceAll("~", "~0").replaceAll("/", "~1"))).join("/");

function validators() {
  const ajv = new Ajv({ strict: false, allErrors: true, logger: false });
  addFormats(ajv);
  for (const [name, root] of Object.entries(input.roots)) ajv.addSchema({ ...root, $id: name });
  return (check) => ajv.compile({ $ref: `${check.root}#/${pointer(check.at)}` });
}

const contradicted = (check, error) =>
  CONTRADICTIONS.some((c) => c.root === check.root && c.name === check.name && c.path === error.instancePath && c.missing === error.params.missingProperty);

function checkDocuments() {
  const validator = validators();
  const counts = {};
  for (const check of input.checks) {
    const valid = validator(check);
    const count = (counts[check.root] ??= { documents: 0, invalid: 0 });
    count.documents++;
    valid(check.value);
    const errors = (valid.errors ?? []).filter((error) => !contradicted(check, error)).slice(0, ERRORS_SHOWN);
    if (errors.length === 0) continue;
    count.invalid++;
    const texts = errors.map((e) => `${e.instancePath} ${e.message} ${JSON.stringify(e.params)}`);
    fail(`ajv ${check.root}: ${check.name}:\n    ${texts.join("\n    ")}`);
  }
  for (const [root, count] of Object.entries(counts)) console.log(`ajv ${root}: ${count.documents} documents, ${count.invalid} invalid`);
}

async function checkSignatures() {
  for (const { body, signature } of input.signed) {
    expect("signature", await verify(input.secret, body, signature), true);
    expect("signature of a changed body", await verify(input.secret, body + " ", signature), false);
  }
  console.log(`signatures: ${input.signed.length} deliveries`);
}

// The status of an answer that Octokit throws.
async function refusal(call) {
  try {
    await call;
    return "no refusal";
  } catch (e) {
    return e.status;
  }
}

async function checkOctokit() {
  const { url, token, sha } = input.octokit;
  const [owner, repo] = input.octokit.repo.split("/");
  for (const baseUrl of [url, url + "/api/v3"]) {
    const octokit = new Octokit({ baseUrl, auth: token, log: { debug() {}, info() {}, warn() {}, error() {} } });
    const all = await octokit.paginate(octokit.rest.pulls.list, { owner, repo, state: "all", per_page: 100 });
    const paged = await octokit.paginate(octokit.rest.pulls.list, { owner, repo, state: "all", per_page: 2 });
    expect("pulls, page by page", paged.map((pull) => pull.number), all.map((pull) => pull.number));
    expect("pulls", all.length, 6);

    const made = await octokit.rest.repos.createCommitStatus({ owner, repo, sha, state: "success", context: baseUrl });
    expect("status", [made.status, made.data.state], [201, "success"]);
    const statuses = await octokit.paginate(octokit.rest.repos.listCommitStatusesForRef, { owner, repo, ref: sha, per_page: 2 });
    expect("newest status", statuses[0].context, baseUrl);
    const combined = await octokit.rest.repos.getCombinedStatusForRef({ owner, repo, ref: sha });
    expect("combined state", combined.data.state, "failure");
    expect("no state", await refusal(octokit.rest.repos.createCommitStatus({ owner, repo, sha })), 422);

    // The merged one: "mergeable" of an open one changes between the first answer and the second.
    const pull = { owner, repo, pull_number: all.at(-1).number };
    const first = await octokit.rest.pulls.get(pull);
    const again = octokit.rest.pulls.get({ ...pull, headers: { "if-none-match": first.headers.etag } });
    expect("the same pull request again", await refusal(again), 304);
    const found = await octokit.graphql("query($q: String!) { search(query: $q, type: ISSUE, first: 5) { issueCount nodes { ... on PullRequest { number } } } }",
      { q: `${sha} is:merged repo:${owner}/${repo} type:pr` });
    expect("GraphQL search", found.search.issueCount, 1);
  }
  console.log("octokit: 2 base addresses");
}

checkDocuments();
await checkSignatures();
await checkOctokit();
process.exit(failures > 0 ? 1 : 0);
