// jsforce against the embedded org: each way to sign in that it has, queries, pages, writes.
const assert = require('node:assert/strict');
const { createHash, randomBytes } = require('node:crypto');
const jsforce = require('jsforce');

const origin = process.argv[2];
const redirectUri = 'http://127.0.0.1:8914/callback';

/** Signs in on the pages of the org, as a person does, and gives the code. */
async function codeOf(url) {
  const post = (path, form) =>
    fetch(origin + path, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' });
  const transaction = (page) => /name="transaction" value="([^"]+)"/.exec(page)[1];
  const login = transaction(await (await fetch(url)).text());
  const page = await post('/login', {
    transaction: login, user_name: 'admin@sandbox.example', user_password: 'sandbox-admin' });
  const consent = transaction(await page.text());
  const path = '/setup/secur/RemoteAccessAuthorizationPage.apexp';
  const answer = await post(path, { transaction: consent, decision: 'allow' });
  const back = new URL(answer.headers.get('location'));
  assert.equal(back.searchParams.get('state'), 'a state');
  return back.searchParams.get('code');
}

(async () => {
  // With a password, by SOAP.
  const soap = new jsforce.Connection({ loginUrl: origin, version: '64.0' });
  const user = await soap.login('integration@sandbox.example', 'sandbox&<integration>IntegrationToken00000002');
  assert.match(user.organizationId, /^00D/);
  assert.equal(new URL(soap.instanceUrl).origin, origin);
  assert.equal((await soap.identity()).username, 'integration@sandbox.example');
  await assert.rejects(soap.login('admin@sandbox.example', 'sandbox-admin'), /INVALID_LOGIN/);
  await assert.rejects(soap.login('expired@sandbox.example', 'sandbox-expiredExpiredToken000000000004'), /expired/i);

  // Client credentials.
  const secret = { loginUrl: origin, clientId: 'sandbox-ci', clientSecret: 'sandbox-ci-secret' };
  const machine = new jsforce.Connection({ oauth2: secret });
  await machine.authorize({ grant_type: 'client_credentials' });
  assert.equal((await machine.identity()).username, 'integration@sandbox.example');

  // A person, with PKCE; then a refresh by itself once the session is gone.
  const oauth2 = new jsforce.OAuth2({ loginUrl: origin, clientId: 'sandbox-web', redirectUri });
  const verifier = randomBytes(32).toString('base64url');
  const challenge = createHash('sha256').update(verifier).digest('base64url');
  const url = oauth2.getAuthorizationUrl({
    scope: 'api id refresh_token', state: 'a state', code_challenge: challenge, code_challenge_method: 'S256' });
  const person = new jsforce.Connection({ oauth2 });
  await person.authorize(await codeOf(url), { code_verifier: verifier });
  assert.equal((await person.identity()).username, 'admin@sandbox.example');
  let renewed = 0;
  person.on('refresh', () => { renewed += 1; });
  person.accessToken = 'a dead token';
  assert.equal((await person.query('SELECT COUNT() FROM Case')).totalSize, 4500);
  assert.equal(renewed, 1);

  // Pages, writes, limits.
  const rows = await machine.query('SELECT CaseNumber, Owner.Name FROM Case', { autoFetch: true, maxFetch: 9999 });
  assert.equal(new Set(rows.records.map((row) => row.CaseNumber)).size, 4500);
  const made = await machine.sobject('Case').create({ Subject: 'From jsforce' });
  assert.ok(made.success);
  await machine.sobject('Case').update({ Id: made.id, Status: 'Closed' });
  assert.equal((await machine.sobject('Case').retrieve(made.id)).IsClosed, true);
  await machine.sobject('Case').destroy(made.id);
  await assert.rejects(machine.sobject('Case').retrieve(made.id), /NOT_FOUND|does not exist/);
  await assert.rejects(machine.query('SELECT Nothing FROM Case'), { errorCode: 'INVALID_FIELD' });
  assert.equal((await machine.limits()).DailyApiRequests.Max, 15000);
  assert.equal(machine.limitInfo.apiUsage.limit, 15000);

  // Signed out.
  await person.logout(true);
  await assert.rejects(machine.oauth2.revokeToken('nothing'), /invalid_token/);
  console.log('jsforce: all of it worked');
})().catch((error) => { console.error(error); process.exit(1); });
