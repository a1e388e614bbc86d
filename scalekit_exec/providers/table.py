"""What is known of providers: the hosts of their APIs, and the form of header that they want.

Facts only, put together from Scalekit's public catalogue of connectors, the rules of OneCLI's
gateway (Apache-2.0), the base addresses that Nango lists, and the providers' own documentation. No
text of theirs is in here. A line is a provider's key at Scalekit and

    hosts, each perhaps with the beginning of a path: text, or a folder where it ends in `/`;
    or, after `|`, a form: headers, joined by ` and `, of fields of the account.

More lines of one key add hosts, and forms in the order in which they are tried. A form without a
header's name is Authorization's; after `basic` stands what is sent in base64 (RFC 7617). `*` is one
or more labels of names that the provider itself gives out. `<tenant>` is a name that anybody may
register, who may then see what is sent there: it serves to tell whose host this is, and a
credential goes there only if the user's `hosts` say so.
"""

from __future__ import annotations

__all__ = ["HOSTLESS", "TABLE"]

TABLE = """
advancedmd providerapi.advancedmd.com/v1/r4
affinity api.affinity.co
airtable api.airtable.com
amplemarket api.amplemarket.com
amplitudeanalytics amplitude.com/api analytics.eu.amplitude.com/api
amplitudeanalytics | basic {api_key}:{secret_key}
amplitudeanalytics | basic {username}:{password}
amplitudeexperimentmanagement experiment.amplitude.com/api
apifymcp mcp.apify.com
apollo api.apollo.io app.apollo.io/api
apolloapikey api.apollo.io app.apollo.io/api
apolloapikey | X-Api-Key: {token}
asana app.asana.com/api
asanamcp mcp.asana.com
attention api.attention.tech
attio api.attio.com
attiomcp mcp.attio.com
bigquery bigquery.googleapis.com
bigqueryserviceaccount bigquery.googleapis.com
bitbucket api.bitbucket.org
box api.box.com upload.box.com
brave api.search.brave.com
brave | X-Subscription-Token: {token}
calendly api.calendly.com
canva api.canva.com
chilipipermcp fire.chilipiper.com/api/fire-edge/v1/org/mcp
chorus chorus.ai
chorus | basic {username}:{password}
chorus | Bearer {token}
circlebackmcp app.circleback.ai/api/
clari_copilot rest-api.copilot.clari.com
clari_copilot | X-Api-Key: {X-Api-Key} and X-Api-Password: {X-Api-Password}
clari_copilot | X-Api-Key: {api_key} and X-Api-Password: {api_password}
clari_copilot | X-Api-Key: {username} and X-Api-Password: {password}
clickhouse mcp.clickhouse.cloud
clickup api.clickup.com
close api.close.com
cloudflare api.cloudflare.com
cognee api.cognee.ai
cognee | X-Api-Key: {token}
confluence api.atlassian.com/ex/confluence/
databricksworkspace <tenant>.cloud.databricks.com <tenant>.azuredatabricks.net
databricksworkspace <tenant>.gcp.databricks.com
datadog api.datadoghq.com api.datadoghq.eu *.datadoghq.com *.ddog-gov.com
datadog | DD-API-KEY: {DD-API-KEY} and DD-APPLICATION-KEY: {DD-APPLICATION-KEY}
datadog | DD-API-KEY: {api_key} and DD-APPLICATION-KEY: {application_key}
datadog | DD-API-KEY: {username} and DD-APPLICATION-KEY: {password}
diarize api.diarize.io
digitsmcp api.digits.com
discord discord.com/api
discordbot discord.com/api
discordbot | Bot {token}
dropbox api.dropboxapi.com content.dropboxapi.com
exa api.exa.ai
exa | X-Api-Key: {token}
fathom api.fathom.ai
fathom | X-Api-Key: {token}
figma api.figma.com
freshdesk <tenant>.freshdesk.com/api
freshdesk | basic {username}:{password}
freshdesk | basic {username}:X
freshdesk | basic {token}:X
gainsight <tenant>.gainsightcloud.com/v1
gainsight | AccessKey: {token}
github api.github.com uploads.github.com raw.githubusercontent.com github.com
githubmcp api.githubcopilot.com/mcp/
githubpat api.github.com
gitlab gitlab.com/api
gmail gmail.googleapis.com www.googleapis.com/gmail/ www.googleapis.com/batch/gmail/
gong api.gong.io <tenant>.api.gong.io
gong | basic {username}:{password}
gong | Bearer {token}
google_ads googleads.googleapis.com
googleanalytics analyticsdata.googleapis.com analyticsadmin.googleapis.com
googlebusinessprofile mybusinessbusinessinformation.googleapis.com
googlebusinessprofile mybusinessaccountmanagement.googleapis.com
googlebusinessprofile businessprofileperformance.googleapis.com
googlecalendar www.googleapis.com/calendar/ www.googleapis.com/batch/calendar/
googledocs docs.googleapis.com
googledrive www.googleapis.com/drive/ www.googleapis.com/upload/drive/
googledrive www.googleapis.com/batch/drive/
googledwd *.googleapis.com
googleforms forms.googleapis.com
googlelooker <tenant>.cloud.looker.com/api
googlemeet meet.googleapis.com
googlesearchconsole searchconsole.googleapis.com www.googleapis.com/webmasters/
googlesheets sheets.googleapis.com
googleslides slides.googleapis.com
granola public-api.granola.ai
granolamcp mcp.granola.ai
harvestapi api.harvest-api.com
harvestapi | X-API-Key: {token}
heyreach api.heyreach.io/api
heyreach | X-API-KEY: {token}
hubspot api.hubapi.com api.hubspot.com
hubspotmcp mcp.hubspot.com
intercom api.intercom.io api.eu.intercom.io api.au.intercom.io
jiminny app.jiminny.com/customer/api app.jiminny.eu/customer/api
jira api.atlassian.com/ex/jira/
jiraservicemanagement api.atlassian.com/ex/jira/
leadiq api.leadiq.com
leadiq | basic {token}:
linear api.linear.app
linear | {api_key}
linear | Bearer {token}
linkedin api.linkedin.com
mailchimp *.api.mailchimp.com
mailgun api.mailgun.net api.eu.mailgun.net
mailgun | basic api:{token}
mailtrap send.api.mailtrap.io mailtrap.io/api
microsoft365 graph.microsoft.com
microsoftexcel graph.microsoft.com/v1.0/me/drive
microsoftteams graph.microsoft.com/v1.0/teams graph.microsoft.com/v1.0/me/joinedTeams
microsoftteams graph.microsoft.com/v1.0/chats
microsoftword graph.microsoft.com/v1.0/me/drive
miro api.miro.com
mixpanelanalytics mixpanel.com/api eu.mixpanel.com/api
mixpanelanalytics | basic {username}:{password}
mixpanelcompliance mixpanel.com/api/app/data-retrievals
mixpanelingestion api.mixpanel.com api-eu.mixpanel.com
mixpanelingestion | basic {username}:{password}
monday api.monday.com
mondaymcp mcp.monday.com/mcp
notion api.notion.com
notionmcp mcp.notion.com
onedrive graph.microsoft.com/v1.0/me/drive
onenote graph.microsoft.com/v1.0/me/onenote/
outlook graph.microsoft.com/v1.0/me/messages graph.microsoft.com/v1.0/me/mailFolders
outlook graph.microsoft.com/v1.0/me/sendMail graph.microsoft.com/v1.0/me/events
outlook graph.microsoft.com/v1.0/me/calendar
outreach api.outreach.io
pagerduty api.pagerduty.com
pagerduty | Token token={api_key}
pagerduty | Bearer {token}
phantombuster api.phantombuster.com/api
phantombuster | X-Phantombuster-Key: {token}
pipedrive <tenant>.pipedrive.com/api api.pipedrive.com
postmark api.postmarkapp.com
postmark | X-Postmark-Server-Token: {token}
pylon api.usepylon.com
quickbooks quickbooks.api.intuit.com sandbox-quickbooks.api.intuit.com
redshift redshift-data.*.amazonaws.com
redshift | none: signed requests (AWS Signature Version 4)
resend api.resend.com
salesforce <tenant>.my.salesforce.com <tenant>.salesforce.com
salesloft api.salesloft.com
sanitymcp mcp.sanity.io
sendgrid api.sendgrid.com
servicenow <tenant>.service-now.com/api
sharepoint graph.microsoft.com/v1.0/sites
signwell www.signwell.com/api
signwell | X-Api-Key: {token}
slack slack.com/api files.slack.com
slackmcp mcp.slack.com
smtp2go api.smtp2go.com
smtp2go | X-Smtp2go-Api-Key: {token}
snowflake <tenant>.snowflakecomputing.com/api
snowflakekeyauth <tenant>.snowflakecomputing.com/api
snowflakekeyauth | Bearer {token} and X-Snowflake-Authorization-Token-Type: KEYPAIR_JWT
statuspage api.statuspage.io
statuspage | OAuth {token}
stripe api.stripe.com
supabase api.supabase.com <tenant>.supabase.co
supadata api.supadata.ai
supadata | X-Api-Key: {token}
tableau *.online.tableau.com/api
tableau | X-Tableau-Auth: {token}
trello api.trello.com
trello | none: query parameters
twilio api.twilio.com
twilio | basic {username}:{password}
twitter api.x.com api.twitter.com
twitterbearer api.x.com api.twitter.com
twitteroauth api.x.com api.twitter.com
vapimcp mcp.vapi.ai/mcp
vercel api.vercel.com
vercelmcp mcp.vercel.com
vimeo api.vimeo.com
xero api.xero.com
youtube www.googleapis.com/youtube/ www.googleapis.com/upload/youtube/ youtube.googleapis.com
zendesk <tenant>.zendesk.com/api
zendesk | basic {username}/token:{password}
zendesk | basic {email}/token:{api_token}
zendeskoauth <tenant>.zendesk.com/api
zohocrm www.zohoapis.com www.zohoapis.eu www.zohoapis.in www.zohoapis.com.au
zohocrm | Zoho-oauthtoken {token}
zoom api.zoom.us
zoominfo api.zoominfo.com
zoomrevenueaccelerator api.zoom.us
"""

# Providers whose hosts are not known, so that one of them is not taken for another.
HOSTLESS = """
activepiecesmcp adobemarketingagentmcp adzvisermcp affindamcp agencyanalyticsmcp agentmailmcp
ahrefsmcp airbytemcp airopsmcp airparsermcp airtablemcp alphaxivmcp anakinmcp anchorbrowsermcp
apollomcp appsignalmcp atlassianmcp axiommcp betterstackmcp biomnimcp biorendermcp bitlymcp
bitquerymcp bonsaimcp boxmcp brevomcp bugsnagmcp buildkitemcp calendlymcp calmcp candidmcp
carboneiomcp cartamcp catchrmcp claapmcp clarifymcp claymcp closemcp cloudfaremcp cloudinarymcp
cloudpressmcp coinmarketcapmcp commonroommcp contentfulmcp context7mcp conversiontoolsmcp
convertapimcp crustdatamcp customeriomcp customsmartfhir dartaimcp databoxmcp dataforseomcp deelmcp
deepgrammcp descriptmcp devinmcp devrevmcp docsautomatormcp dovetailmcp dropboxmcp dropcontactmcp
dynamo echtpostmcp edenmcp eodhdmcp eracontextmcp erasermcp evertrace examcp excalidrawmcp expomcp
fathommcp fellowaimcp fevermcp fiberymcp financialdatasetsmcp firecrawlmcp firefliesmcp fiscalaimcp
fluxmcp folkmcp fullenrichmcp globalpingmcp gocardlessmcp gongmcp gorgiasmcp grainmcp greptilmcp
gtmetrixmcp gustomcp happyscribemcp harvestmcp hexmcp huggingfacemcp icepanelmcp igptmcp jammcp
jenticmcp jotformmcp kitmcp klaviyomcp klingmcp latchbiomcp launchdarklymcp leadboxermcp
leadfeedermcp leadiqmcp legaldatahuntermcp lemlistmcp liltmcp linearmcp linklymcp listenlabsmcp
logrocketmcp loopsmcp lucidmcp lunarcrushmcp lushamcp magicpatternsmcp mailercloudmcp mailerlitemcp
makemcp mem0mcp memberstackmcp memmcp mercurymcp metaviewmcp metricoolmcp minicoursegeneratormcp
mintlifymcp miromcp mixmaxmcp mobbinmcp momentum motherduckmcp motionmcp mtnewswiresmcp muxmcp
neonmcp netlifymcp nimblemcp nocodbmcp onepagemcp openroutermcp otteraimcp pandadocmcp
parallelaitaskmcp pendomcp phantombustermcp pipedrivemcp pixelbinmcp plainmcp planemcp
planetscalemcp planningcentermcp plaudmcp posthogmcp postmanmcp prismamcp privacymcp profoundmcp
pylonmcp quicknodemcp quizvideomcp readaimcp recraftmcp replitmcp revealedaimcp rizemcp runwaremcp
scarpflymcp scholargateway semaphorecimcp sendmcp sentrymcp sleekplanmcp slitemcp splicemcp
sportradarmcp stackaimcp storeleadsmcp stripemcp supadatamcp supermetricsmcp surveymonkeymcp
swaggermcp sybilmcp synapsemcp synthesizebiomcp tactiqmcp tallymcp tangomcp tavilymcp telnyxmcp
testidinomcp ticktickmcp tinyfishmcp todoistmcp topcounselmcp twelvedatamcp typeformmcp upstreammcp
v0mcp vibeprospectingmcp webflowmcp whimsicalmcp whopmcp wixmcp youmcp zapiermcp zenrowsmcp
"""
