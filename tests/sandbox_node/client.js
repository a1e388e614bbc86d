// Uses the unmodified @scalekit-sdk/node as its README does, and prints what it was told as JSON.
"use strict";

const { ScalekitClient } = require("@scalekit-sdk/node");

async function main() {
  const client = new ScalekitClient(
    process.env.SCALEKIT_ENV_URL,
    process.env.SCALEKIT_CLIENT_ID,
    process.env.SCALEKIT_CLIENT_SECRET,
  );
  const who = { connector: "gmail", identifier: "mess" };
  const told = {};
  const auth = await client.connectedAccounts.getConnectedAccountByIdentifier(who);
  told.token = auth.connectedAccount.authorizationDetails.details.value.accessToken;
  const link = await client.connectedAccounts.getMagicLinkForConnectedAccount(who);
  told.link = link.link;
  const list = await client.connectedAccounts.listConnectedAccounts({ connector: "gmail" });
  told.listed = list.connectedAccounts.map((account) => account.identifier);
  try {
    await client.connectedAccounts.getConnectedAccountByIdentifier({ ...who, identifier: "nobody" });
  } catch (error) {
    told.error = error.constructor.name;
    told.code = error.errorCode;
  }
  process.stdout.write(JSON.stringify(told));
}

main().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  },
);
