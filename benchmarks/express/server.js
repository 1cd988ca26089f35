// What row 4 is compared with: Express in its usual style, a list in memory.
"use strict";
const crypto = require("node:crypto");
const express = require("express");

const balances = new Map();
const events = [];
const app = express();
app.disable("x-powered-by");
app.use(express.json());

app.post("/v1/wallets/:walletId/credit", (request, response) => {
  const { walletId } = request.params;
  const { amount, currency } = request.body;
  if (!Number.isInteger(amount) || amount < 1 || typeof currency !== "string") {
    response.status(400).json({ code: "VALIDATION_ERROR" });
    return;
  }
  const balance = (balances.get(walletId) || 0) + amount;
  balances.set(walletId, balance);
  const event = {
    eventId: crypto.randomUUID(),
    eventType: "wallet.credited",
    aggregateId: walletId,
    sequence: events.length + 1,
  };
  events.push(event);
  response.json({ wallet: { walletId, currency, balance }, events: [event] });
});

const server = app.listen(0, "127.0.0.1", () => {
  console.log(server.address().port);
});
