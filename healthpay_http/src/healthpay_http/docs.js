"use strict";
const base = location.pathname.replace(/\/docs\/?$/, "");
const make = (tag, text, ...children) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  element.append(...children);
  return element;
};
const newKey = () =>
  Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");

function example(schema) {
  const body = {};
  for (const name of schema.required) {
    const member = schema.properties[name];
    if (member.enum) body[name] = member.enum[0];
    else if (member.type === "integer") body[name] = 12550;
    else if (name === "currency") body[name] = "EGP";
    else body[name] = "";
  }
  return body;
}

function field(parameter) {
  const input = make("input");
  if (parameter.name === "Idempotency-Key") input.value = newKey();
  const title = `${parameter.name} (${parameter.in}${parameter.required ? ", required" : ""}) `;
  return { parameter, input, row: make("label", title, input) };
}

function address(path, fields) {
  const query = new URLSearchParams();
  for (const { parameter, input } of fields) {
    if (parameter.in === "path") path = path.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
    if (parameter.in === "query" && input.value) query.set(parameter.name, input.value);
  }
  return base + path + (query.size ? `?${query}` : "");
}

async function send(method, url, fields, body) {
  const headers = {};
  for (const { parameter, input } of fields)
    if (parameter.in === "header" && input.value) headers[parameter.name] = input.value;
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, { method, headers, body });
  const text = await answer.text();
  let shown = text;
  try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch { /* not JSON: shown as it is */ }
  const head = [...answer.headers].map(([name, value]) => `${name}: ${value}`).join("\n");
  return `HTTP ${answer.status}\n${head}\n\n${shown}`;
}

function operationView(spec, path, method, operation) {
  const resolve = (item) =>
    item.$ref ? item.$ref.split("/").slice(1).reduce((at, key) => at[key], spec) : item;
  const fields = operation.parameters.map(resolve).map(field);
  const box = make("details", "",
    make("summary", "", Object.assign(make("span", method.toUpperCase()), { className: "method" }),
      make("code", path), ` ${operation.summary}`));
  box.id = operation.operationId;
  box.append(...fields.map((entry) => entry.row));
  let text;
  if (operation.requestBody) {
    const schema = resolve(operation.requestBody.content["application/json"].schema);
    text = make("textarea");
    text.rows = 8;
    text.value = JSON.stringify(example(schema), null, 2);
    box.append(text, make("details", "", make("summary", "Members"),
      make("pre", JSON.stringify(schema.properties, null, 2))));
  }
  const button = make("button", "Send");
  const result = make("pre");
  result.hidden = true;
  button.addEventListener("click", async () => {
    result.hidden = false;
    try { result.textContent = await send(method.toUpperCase(), address(path, fields), fields, text && text.value); }
    catch (error) { result.textContent = `Not sent: ${error}`; }
  });
  const rows = Object.entries(operation.responses).map(([status, answer]) =>
    make("tr", "", make("td", status), make("td", answer.description)));
  box.append(make("p", "", button), result, make("table", "", ...rows));
  return box;
}

fetch(`${base}/openapi.json`).then((answer) => answer.json()).then((spec) => {
  document.getElementById("document").href = `${base}/openapi.json`;
  const list = document.getElementById("operations");
  for (const [path, item] of Object.entries(spec.paths))
    for (const [method, operation] of Object.entries(item))
      list.append(operationView(spec, path, method, operation));
}).catch((error) => { document.getElementById("operations").textContent = `openapi.json: ${error}`; });
