// The page is a view of four lists. A change on the server (an event of /api/v1/stream) makes it ask for them again; nothing is kept
// here that the server does not have.

const $ = (id) => document.getElementById(id);
const only = location.pathname.startsWith('/applications/') ? decodeURIComponent(location.pathname.slice('/applications/'.length)) : '';

function element(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (value !== undefined && value !== null && value !== false) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null && child !== ''));
  return made;
}

// Only links that a browser may follow safely; everything else stays text.
function link(url, text, attributes) {
  return /^https?:\/\//.test(url ?? '') ? element('a', { href: url, rel: 'noopener', ...attributes }, text) : element('span', {}, text);
}

const badge = (kind, value) => element('span', { class: `badge ${kind} ${(value || 'none').toLowerCase()}` }, value || '—');
const short = (sha) => (sha ?? '').slice(0, 7);

function age(iso) {
  const seconds = Math.max(0, Math.round((Date.now() - Date.parse(iso)) / 1000));
  if (!Number.isFinite(seconds)) return '';
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

function time(iso) {
  return element('time', { datetime: iso, title: iso }, iso ? age(iso) : '');
}

function phaseText(row) {
  if (row.deleting) return 'being removed';
  const condition = (row.conditions ?? []).find((c) => /Error$/.test(c.type));
  if (condition) return `${condition.type}: ${condition.message}`;
  if (row.message) return `${row.phase}: ${row.message}`;
  return row.phase ?? 'waiting';
}

function card(row) {
  const title = row.pullRequest !== undefined ? `#${row.pullRequest} ${row.title ?? ''}` : row.title ?? '';
  const sha = row.headSha ?? row.revision;
  return element('article', { class: `card ${(row.health ?? 'unknown').toLowerCase()}`, 'data-app': row.name },
    element('div', { class: 'card-head' },
      element('h3', {}, element('a', { href: `/applications/${encodeURIComponent(row.name)}` }, row.name)),
      badge('sync', row.sync), badge('health', row.health)),
    element('p', { class: 'pull' }, title ? link(row.pullRequestUrl, title) : ''),
    element('p', { class: 'muted' }, row.branch ? `${row.branch} · ` : '', element('code', { title: sha ?? '' }, short(sha) || '—'),
      row.revision && row.headSha && row.revision !== row.headSha ? ` (serving ${short(row.revision)})` : '', ' · ', time(row.createdAt)),
    element('p', { class: 'phase' }, phaseText(row)),
    row.url ? element('p', {}, link(row.url, 'Open the preview', { class: 'open', target: '_blank' })) : '');
}

function eventRow(event) {
  return element('tr', { class: event.type === 'Warning' ? 'warning' : '' },
    element('td', { class: 'when' }, time(event.at)), element('td', { class: 'app' }, event.app),
    element('td', {}, element('strong', {}, event.reason), ' ', event.message));
}

function notificationRow(n) {
  const detail = n.state === 'sent' ? n.result : n.error || (n.attempts ? `attempt ${n.attempts}` : 'waiting');
  return element('tr', { class: n.state === 'failed' ? 'warning' : '' },
    element('td', { class: 'when' }, time(n.doneAt ?? n.createdAt)), element('td', { class: 'app' }, n.app),
    element('td', {}, badge('outbox', n.state), ' ', n.label, ' ', element('span', { class: 'muted' }, detail)));
}

async function items(path) {
  const headers = sessionStorage.token ? { Authorization: `Bearer ${sessionStorage.token}` } : {};
  const answer = await fetch(path, { headers });
  if (answer.status === 401) {
    const token = window.prompt('This server wants its token:');
    if (token) { sessionStorage.token = token; return items(path); }
  }
  if (!answer.ok) throw new Error(`${path}: ${answer.status}`);
  return (await answer.json()).items ?? [];
}

function show(environments, events, notifications, problems) {
  const rows = only ? environments.filter((row) => row.name === only) : environments;
  $('environments').replaceChildren(...rows.map(card));
  $('empty').hidden = rows.length > 0;
  $('events').replaceChildren(...events.map(eventRow));
  $('notifications').replaceChildren(...notifications.map(notificationRow));
  $('problems').hidden = problems.length === 0;
  $('problems').replaceChildren(...problems.map((p) => element('p', {}, element('strong', {}, p.where), ' ', p.text)));
  const healthy = environments.filter((row) => row.health === 'Healthy').length;
  $('summary').textContent = environments.length ? `${environments.length} preview${environments.length > 1 ? 's' : ''}, ${healthy} healthy` : '';
  document.title = only ? `${only} · vitrine` : 'vitrine';
}

let busy = false;
let again = false;
async function refresh() {
  if (busy) { again = true; return; }
  busy = true;
  try {
    const query = only ? `app=${encodeURIComponent(only)}&` : '';
    show(...await Promise.all([items('/api/v1/environments'), items(`/api/v1/events?${query}limit=40`),
      items(`/api/v1/notifications?${query}limit=40`), items('/api/v1/problems')]));
  } catch (error) {
    live(false, String(error.message ?? error));
  } finally {
    busy = false;
    if (again) { again = false; refresh(); }
  }
}

function live(on, text) {
  $('live').className = on ? 'live' : 'live off';
  $('live').textContent = text;
}

function listen() {
  const stream = new EventSource('/api/v1/stream');
  stream.addEventListener('open', () => live(true, 'live'));
  stream.addEventListener('change', refresh);
  stream.addEventListener('error', () => live(false, 'reconnecting'));
}

refresh();
listen();
setInterval(() => document.querySelectorAll('time[datetime]').forEach((t) => { t.textContent = age(t.dateTime); }), 5000);
