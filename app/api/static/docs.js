// Starts the page from a file of its own, because the page's policy allows no script inside the HTML.
window.ui = SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  // The description never leaves for a validator on the internet, and a key is forgotten when the page closes.
  validatorUrl: null,
  persistAuthorization: false,
});
