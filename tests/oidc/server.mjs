// A certified authorization server (oidc-provider) under ServiceNow's paths,
// and the little of an instance that takes its tokens.
//
// The settings are one JSON argument: `access_ttl` in seconds, `issuer` where
// it shall lie about itself, `certificate` in PEM with `key_id` for the client
// `signer`, which signs assertions, and `apart` where the authorization server stands at
// an origin of its own. Standard output gets one line of JSON that says where
// everything is. The control origin shows what each side was sent (`GET
// /requests`) and takes other settings (`POST /settings`).

import { createServer } from 'node:http';

const settings = { access_ttl: 600, apart: false, issuer: undefined, ...JSON.parse(process.argv[2] ?? '{}') };
const PASSWORDS = { 'beth.anglin': 'CANARY-oidc-beth' };
const APPLICATION_USER = 'svc.ci';
/** The API for which tokens are JWTs, and the audience in them. */
const RESOURCE = 'https://instance.example/api';
const AUDIENCE = 'the-entry-on-the-instance';
const SECRET = 'CANARY-oidc-client-secret/with+signs';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'ES256', 'ES384'];
/** Each assertion is good for one use. */
const used = new Set();

/** Every request, in the order in which it came: `{ at, method, path, headers, body }`. */
const requests = [];

// The server warns of what is right in a test: memory that forgets, defaults.
// It does so while it is loaded, so it is loaded after this.
console.info = console.warn = () => {};
const { default: Provider, errors } = await import('oidc-provider');
const { createRemoteJWKSet, decodeProtectedHeader, importX509, jwtVerify } = await import('jose');

// Whoever asked for this server may be gone without a word.
const parent = process.ppid;
setInterval(() => process.ppid === parent || process.exit(0), 500).unref();

const instance = await listen();
const authorization = settings.apart ? await listen() : instance;
const control = await listen();
const provider = makeProvider(settings.issuer ?? authorization.origin);
const protocol = provider.callback();

instance.answer = recorded('instance', (request, response, body) => {
  const { pathname } = new URL(request.url, instance.origin);
  if (pathname.startsWith('/api/now/')) return api(request, response, pathname);
  if (authorization === instance) return authorize(request, response, body);
  // An instance has these paths even where another server signs in for it.
  return json(response, 401, { error_description: 'access_denied', error: 'server_error' });
});
if (authorization !== instance) authorization.answer = recorded('authorization', authorize);
control.answer = async (request, response) => {
  const body = await read(request);
  if (request.method === 'POST') Object.assign(settings, JSON.parse(body));
  json(response, 200, request.method === 'POST' ? settings : requests);
};
console.log(JSON.stringify({
  instance: instance.origin, authorization: authorization.origin, control: control.origin,
}));

function makeProvider(issuer) {
  const code = { grant_types: ['authorization_code', 'refresh_token'], response_types: ['code'] };
  const native = { application_type: 'native', redirect_uris: ['http://127.0.0.1/callback'] };
  const secret = { client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post' };
  const none = { token_endpoint_auth_method: 'none' };
  const made = new Provider(issuer, {
    cookies: { keys: ['of the tests'] },
    clients: [
      { client_id: 'public', ...code, ...native, ...none },
      { client_id: 'confidential', ...code, ...native, ...secret },
      { client_id: 'signer', grant_types: [JWT_BEARER], response_types: [], redirect_uris: [], ...none },
      { client_id: 'machine', grant_types: ['client_credentials'], response_types: [], redirect_uris: [], ...secret },
    ],
    scopes: ['useraccount'],
    routes: {
      authorization: '/oauth_auth.do',
      token: '/oauth_token.do',
      revocation: '/oauth_revoke_token.do',
      introspection: '/oauth_introspect.do',
    },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      revocation: { enabled: true },
      introspection: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: 'useraccount', audience: AUDIENCE, accessTokenFormat: 'jwt',
          accessTokenTTL: settings.access_ttl, jwt: { sign: { alg: 'RS256' } },
        }),
      },
    },
    pkce: { required: () => true },
    rotateRefreshToken: () => true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    findAccount: (_, sub) => (sub in PASSWORDS ? { accountId: sub, claims: () => ({ sub }) } : undefined),
    interactions: { url: (_, interaction) => `/oauth_login.do/${interaction.uid}` },
    ttl: {
      AccessToken: () => settings.access_ttl,
      ClientCredentials: () => settings.access_ttl,
      RefreshToken: 8640000,
      AuthorizationCode: 60,
      Grant: 8640000,
      Session: 3600,
      Interaction: 600,
      IdToken: 600,
    },
  });
  made.registerGrantType(JWT_BEARER, (ctx) => assertion(made, ctx), ['assertion']);
  made.on('server_error', (_, error) => console.error(error));
  return made;
}

/** RFC 7523 section 2.1, verified by the library `jose`. */
async function assertion(made, ctx) {
  const { client, params } = ctx.oidc;
  const { alg, kid } = decodeProtectedHeader(params.assertion);
  const refuse = (reason) => {
    console.error(`refused: ${reason}`);
    return new errors.InvalidGrant(reason);
  };
  if (!ALGORITHMS.includes(alg)) throw refuse(`algorithm ${alg}`);
  if (kid !== settings.key_id) throw refuse(`key id ${kid}`);
  const expected = {
    algorithms: [alg],
    issuer: client.clientId,
    audience: client.clientId,
    requiredClaims: ['sub', 'exp', 'iat', 'jti'],
    maxTokenAge: '10m',
    clockTolerance: 0,
  };
  const key = await importX509(settings.certificate, alg);
  const { payload } = await jwtVerify(params.assertion, key, expected).catch((error) => { throw refuse(error.message); });
  if (used.has(payload.jti)) throw refuse('reused jti');
  used.add(payload.jti);
  if (!(payload.sub in PASSWORDS)) throw refuse(`subject ${payload.sub}`);
  const token = new made.AccessToken({ accountId: payload.sub, client, gty: 'jwt_bearer', scope: 'useraccount' });
  ctx.body = { access_token: await token.save(), expires_in: token.expiration, scope: 'useraccount', token_type: 'Bearer' };
}

/** The authorization server, with the pages of a person's sign-in before it. */
async function authorize(request, response, body) {
  if (!request.url.startsWith('/oauth_login.do/')) {
    // The protocol reads what was read here already.
    request.body = body;
    return protocol(request, response);
  }
  const { prompt, params, session, grantId } = await provider.interactionDetails(request, response);
  if (request.method === 'GET') return page(response, 200, prompt.name, '');
  const form = new URLSearchParams(body);
  if (form.get('decision') === 'deny') {
    return provider.interactionFinished(request, response, { error: 'access_denied' });
  }
  if (prompt.name === 'login') {
    const user = form.get('user_name');
    if (!(user in PASSWORDS) || PASSWORDS[user] !== form.get('user_password')) {
      return page(response, 401, prompt.name, 'User name or password invalid');
    }
    return provider.interactionFinished(request, response, { login: { accountId: user } });
  }
  const known = grantId && (await provider.Grant.find(grantId));
  const grant = known || new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope(params.scope);
  const consent = { grantId: await grant.save() };
  return provider.interactionFinished(request, response, { consent }, { mergeWithLastSubmission: true });
}

/** The REST API of an instance, as far as a connection test goes. */
async function api(request, response, path) {
  const [scheme, token] = (request.headers.authorization ?? '').split(' ');
  const user = scheme === 'Bearer' ? await userOf(token) : undefined;
  if (!user) {
    response.setHeader('WWW-Authenticate', 'BEARER realm="Service-now"');
    const detail = 'Required to provide Auth information';
    return json(response, 401, { error: { detail, message: 'User Not Authenticated' }, status: 'failure' });
  }
  response.setHeader('X-Is-Logged-In', 'true');
  const sys_id = '6816f79cc0a8016401c5a33be04be441';
  switch (path) {
    case '/api/now/table/sys_user':
      return json(response, 200, { result: [{ sys_id }] });
    case '/api/now/ui/user/current_user':
      return json(response, 200, { result: { user_name: user, user_sys_id: sys_id, user_display_name: user } });
    default:
      return json(response, 400, { error: { message: 'Invalid table', detail: null }, status: 'failure' });
  }
}

/** JWTs that were verified, where the instance takes each once. */
const verified = new Set();

async function userOf(token) {
  if (!token) return undefined;
  if (token.split('.').length === 3) return userOfJwt(token);
  const person = await provider.AccessToken.find(token);
  if (person?.isValid) return person.accountId;
  const machine = await provider.ClientCredentials.find(token);
  return machine?.isValid ? APPLICATION_USER : undefined;
}

/** Whom a token of an identity provider speaks for, by the keys that it publishes. */
async function userOfJwt(token) {
  const keys = createRemoteJWKSet(new URL('/jwks', authorization.origin));
  try {
    const { payload } = await jwtVerify(token, keys, { audience: AUDIENCE, issuer: authorization.origin });
    if (settings.one_time && verified.has(payload.jti)) return undefined;
    verified.add(payload.jti);
    return payload.sub === 'machine' ? APPLICATION_USER : payload.sub;
  } catch {
    return undefined;
  }
}

/** A page with the form of `login` or `consent`, as a browser without scripts uses it. */
function page(response, status, prompt, message) {
  const fields = prompt === 'login'
    ? '<input name="user_name"><input name="user_password" type="password">'
    : '<p>Let the client use your account?</p>';
  const buttons = ['allow', 'deny'].map((word) => `<button name="decision" value="${word}">${word}</button>`).join('');
  const text = `<!doctype html><title>${prompt}</title><p>${message}</p><form method="post">${fields}${buttons}</form>`;
  send(response, status, 'text/html; charset=utf-8', text);
}

function json(response, status, document) {
  send(response, status, 'application/json;charset=UTF-8', JSON.stringify(document));
}

function send(response, status, type, text) {
  response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) });
  response.end(text);
}

function recorded(at, answer) {
  return async (request, response) => {
    const body = await read(request);
    const { method, url: path, headers } = request;
    requests.push({ at, method, path, headers, body });
    return answer(request, response, body);
  };
}

async function read(request) {
  const parts = [];
  for await (const part of request) parts.push(part);
  return Buffer.concat(parts).toString();
}

/** A free port of loopback; the function `answer` is set before anybody comes. */
async function listen() {
  const here = { origin: '', answer: undefined };
  const server = createServer((request, response) => {
    Promise.resolve(here.answer(request, response)).catch((error) => {
      console.error(error);
      response.destroy();
    });
  });
  await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
  here.origin = `http://127.0.0.1:${server.address().port}`;
  return here;
}
