// A certified OpenID Connect provider, with its own pages to log in and to consent, for the tests.
//
//   node provider.mjs CONFIG.json
//
// CONFIG.json: { port, tls: {key, cert}, clients, clientAuth, alg, behind, inToken, users: {LOGIN: CLAIMS} }. The users are read again
// each time that one logs in. It says its issuer in a line when it listens.
import { generateKeyPairSync, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';

const read = () => JSON.parse(readFileSync(process.argv[2], 'utf8'));
const { port = 0, tls, clients, clientAuth, alg = 'RS256', behind = 0, inToken = false } = read();

// A clock that is wrong by so many seconds.
const now = Date.now;
Date.now = () => now() - behind * 1000;

// Its warnings are about what a test wants.
console.warn = () => {};
console.info = () => {};
const { default: Provider } = await import('oidc-provider');

const { privateKey } = alg === 'ES256'
  ? generateKeyPairSync('ec', { namedCurve: 'P-256' })
  : generateKeyPairSync('rsa', { modulusLength: 2048 });
const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg };

const server = tls ? https.createServer({ key: readFileSync(tls.key), cert: readFileSync(tls.cert) }) : http.createServer();
server.listen(port, '127.0.0.1', () => {
  const issuer = `${tls ? 'https://localhost' : 'http://127.0.0.1'}:${server.address().port}`;
  const provider = new Provider(issuer, {
    clients: clients.map((client) => ({ id_token_signed_response_alg: alg, ...client })),
    jwks: { keys: [key] },
    enabledJWA: { idTokenSigningAlgValues: [alg, 'HS256'] },
    cookies: { keys: ['tests'] },
    scopes: ['openid', 'profile', 'groups'],
    claims: { openid: ['sub'], profile: ['preferred_username', 'name'], groups: ['groups'] },
    // Otherwise what a scope brings is told by the userinfo endpoint alone.
    conformIdTokenClaims: !inToken,
    ...(clientAuth && { clientAuthMethods: clientAuth }),
    pkce: { required: () => true },
    findAccount: (_, login) => {
      const claims = read().users[login];
      return claims && { accountId: login, claims: () => ({ sub: login, ...claims }) };
    },
    renderError: (context, { error }) => {
      context.type = 'html';
      context.body = `<h1>${error}</h1>`;
    },
  });
  server.on('request', provider.callback());
  process.stdout.write(`${issuer}\n`);
});
